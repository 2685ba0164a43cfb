"""The planner's shape in boto3: read each person's partition, write a decision on condition of its
generation, nudge every target with one request a queue. It decides nothing."""

import json
import os

import boto3
from botocore.config import Config

config = Config(retries={"mode": "standard", "max_attempts": 3})
dynamodb = boto3.client("dynamodb", config=config)
sqs = boto3.client("sqs", config=config)
table = os.environ["LANYARD_TABLE"]
prefix = os.environ["LANYARD_QUEUE_PREFIX"]
targets = os.environ["TARGETS"].split(",")
decision = "x" * 2048

# As the functions do: connections are there before the first event.
dynamodb.get_item(TableName=table, Key={"pk": {"S": "T#-"}, "sk": {"S": "H"}})
try:
    sqs.send_message_batch(QueueUrl=f"{prefix}terminations.fifo", Entries=[])
except sqs.exceptions.ClientError:
    pass


def handler(event, context):
    nudges = []
    for message in event["Records"]:
        record = json.loads(message["body"])["record"]
        items = dynamodb.query(
            TableName=table,
            ConsistentRead=True,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": f"R#{record}"}},
        )["Items"]
        gen = next(int(item["gen"]["N"]) for item in items if "gen" in item)
        dynamodb.update_item(
            TableName=table,
            Key={"pk": {"S": f"R#{record}"}, "sk": {"S": "A"}},
            UpdateExpression="SET gen = :next, #plan = :plan",
            ConditionExpression="gen = :gen",
            ExpressionAttributeNames={"#plan": "plan"},
            ExpressionAttributeValues={
                ":gen": {"N": str(gen)},
                ":next": {"N": str(gen + 1)},
                ":plan": {"S": decision},
            },
        )
        nudges.append((record, gen + 1))
    for target in targets:
        sqs.send_message_batch(
            QueueUrl=f"{prefix}lane-{target}.fifo",
            Entries=[
                {
                    "Id": str(number),
                    "MessageGroupId": f"{target}#{record}",
                    "MessageDeduplicationId": f"{target}#{record}#{gen}",
                    "MessageBody": json.dumps(
                        {"v": 1, "identity": record, "target": target, "generation": gen}
                    ),
                }
                for number, (record, gen) in enumerate(nudges)
            ],
        )
    return {"batchItemFailures": []}
