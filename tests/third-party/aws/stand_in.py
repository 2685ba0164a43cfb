"""Stands in for a function: makes the calls that it is told with the function's own role, and answers a post, a batch,
and the steps of a nightly run as the real ones would."""

import functools
import json
import os
import urllib.request

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

NEXT = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime/invocation/"
# One attempt: what is denied is denied.
CONFIG = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=10)


@functools.cache
def client(service):
    return boto3.client(service, config=CONFIG)


def outcome(call):
    try:
        getattr(client(call["service"]), call["method"])(**call["arguments"])
    except ClientError as error:
        return error.response["Error"]["Code"]
    return "ok"


def first_time(name):
    """Whether nobody asked so before; what a step remembers is in the bucket."""
    try:
        client("s3").put_object(Bucket=os.environ["LANYARD_REPORTS_BUCKET"], Key=f"runs/{name}", IfNoneMatch="*")
    except ClientError:
        return False
    return True


def step(event):
    step, run = event["step"], event.get("run", "r1")
    print(json.dumps({"stand_in": event}), flush=True)
    answer = {"v": 1, "run": run, "status": "done"}
    if step != "compare" and step != "limit" and first_time(f"{run}/{step}-{event.get('target', 'all')}"):
        answer["status"] = "again"
    elif step == "begin":
        answer["targets"] = ["directory", "wiki", "broken"]
    elif step == "observe" and event["target"] == "broken":
        raise RuntimeError("the target is broken")
    elif step == "observe":
        answer["parts"] = [0, 1]
    elif step == "finish":
        answer["report"] = {"folder": "reports/v1/"}
    return answer


def handle(event):
    if "calls" in event:
        return [outcome(call) for call in event["calls"]]
    if "requestContext" in event:
        return {"statusCode": 202, "body": json.dumps(event["pathParameters"])}
    if "step" in event:
        return step(event)
    print(json.dumps({"stand_in": event}), flush=True)
    return {"batchItemFailures": []}


while True:
    with urllib.request.urlopen(NEXT + "next") as invocation:
        request = invocation.headers["lambda-runtime-aws-request-id"]
        event = json.load(invocation)
    try:
        kind, answer = "response", handle(event)
    except RuntimeError as error:
        # Not to be tried again, as the state machine knows it.
        kind, answer = "error", {"errorType": "Reject", "errorMessage": str(error)}
    body = json.dumps(answer).encode()
    urllib.request.urlopen(urllib.request.Request(f"{NEXT}{request}/{kind}", data=body, method="POST")).close()
