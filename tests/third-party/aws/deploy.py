"""Deploys infra/template.yaml to the emulator, and more targets beside it, and prints the outputs as JSON.

Reads from standard input: {"endpoint": URL, "region": "...", "stack": NAME, "expand": PATH of expand-template,
"infra": PATH, "functions": {"HrWebhook": PATH of a binary, ...}, "parameters": {...},
"targets": [{"Target": NAME, "Secrets": NAME}, ...]}.
"""

import functools
import io
import json
import pathlib
import subprocess
import sys
import time
import zipfile

import boto3

wanted = json.load(sys.stdin)
session = boto3.Session("test", "test", region_name=wanted["region"])


def client(service):
    return session.client(service, endpoint_url=wanted["endpoint"])


s3, cloudformation = client("s3"), client("cloudformation")
BUCKET = "artefacts"
uploaded = []


def upload(key, body):
    s3.put_object(Bucket=BUCKET, Key=key, Body=body)
    uploaded.append(key)
    return f"s3://{BUCKET}/{key}"


@functools.cache
def package(path):
    """A program as a function's package, stored: it does not travel."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        info = zipfile.ZipInfo("bootstrap")
        info.external_attr = 0o755 << 16
        archive.writestr(info, pathlib.Path(path).read_bytes())
    return upload(f"{len(uploaded)}.zip", packed.getvalue())


# AWS asks for the right to the single call; the emulator asks for one of these, which do not exist.
BATCHES = {
    "sqs:SendMessage": "sqs:SendMessageBatch",
    "sqs:DeleteMessage": "sqs:DeleteMessageBatch",
    "sqs:ChangeMessageVisibility": "sqs:ChangeMessageVisibilityBatch",
}


def with_batches(role):
    for policy in role["Properties"].get("Policies", []):
        for statement in policy["PolicyDocument"]["Statement"]:
            actions = statement.get("Action", [])
            actions += [BATCHES[action] for action in actions if action in BATCHES]


def expanded(file, places):
    command = [sys.executable, wanted["expand"], f"{wanted['infra']}/{file}"]
    command += [f"{name}={place}" for name, place in places.items()]
    template = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    resources = template["Resources"]
    for name, resource in list(resources.items()):
        # It has no CodeDeploy; an alias then changes at once.
        if resource["Type"].startswith("AWS::CodeDeploy::"):
            del resources[name]
        resource.pop("UpdatePolicy", None)
        if resource["Type"] == "AWS::IAM::Role":
            with_batches(resource)
        # CloudFormation makes a number of a parameter where one belongs; the emulator keeps the text,
        # which no SDK takes for a number when it asks for the mapping.
        if resource["Type"] == "AWS::Lambda::EventSourceMapping":
            scaling = resource["Properties"].get("ScalingConfig", {})
            for key, value in scaling.items():
                if isinstance(value, dict):
                    scaling[key] = template["Parameters"][value["Ref"]]["Default"]
        # Targets of tests are on loopback, which the template has no word for.
        if resource["Type"] == "AWS::Lambda::Function":
            variables = resource["Properties"]["Environment"]["Variables"]
            if "LANYARD_TARGET_NETWORK" in variables:
                variables["LANYARD_TARGET_NETWORK"] = "this-machine"
        # It speaks plain HTTP, which these policies deny to everybody.
        if resource["Type"] == "AWS::S3::BucketPolicy":
            del resources[name]
    return template


def create(stack, template, parameters):
    upload(f"{stack}.json", json.dumps(template))
    cloudformation.create_stack(
        StackName=stack,
        TemplateURL=f"{wanted['endpoint']}/{BUCKET}/{stack}.json",
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        DisableRollback=True,
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
    )
    for _ in range(600):
        found = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
        if not found["StackStatus"].endswith("_IN_PROGRESS"):
            break
        time.sleep(0.1)
    if found["StackStatus"] != "CREATE_COMPLETE":
        events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
        why = [
            f"{event['LogicalResourceId']} ({event['ResourceType']}): {event.get('ResourceStatusReason')}"
            for event in events
            if event["ResourceStatus"].endswith("_FAILED")
        ]
        sys.exit(f"the stack {stack} is {found['StackStatus']}: {'; '.join(why)}")
    return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}


s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": wanted["region"]})
code = {name: package(path) for name, path in wanted["functions"].items()}
connector = {"Connector": code.pop("Connector")}
target = expanded("target.yaml", connector)
nested = {}
for file, template in (("target.yaml", target), ("alarms.yaml", expanded("alarms.yaml", {}))):
    upload(f"{file}.json", json.dumps(template))
    nested[file] = f"{wanted['endpoint']}/{BUCKET}/{file}.json"
outputs = create(wanted["stack"], expanded("template.yaml", {**code, **nested}), wanted["parameters"])
for more in wanted["targets"]:
    parameters = {
        **more,
        "Stack": wanted["stack"],
        "Table": outputs["Table"],
        "PolicyBucket": outputs["PolicyBucket"],
        "KeyArn": outputs["KeyArn"],
        "Topic": outputs["AlarmTopic"],
        "RolloutRole": outputs["RolloutRole"],
        **wanted["parameters"],
    }
    create(f"{wanted['stack']}-{more['Target']}", target, parameters)
json.dump(outputs, sys.stdout)
