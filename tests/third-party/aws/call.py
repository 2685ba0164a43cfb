"""Makes calls as the account's root: one on each line of standard input, its answer on a line of standard output.

    {"service": "sqs", "method": "send_message", "arguments": {...}}

The answer is {"answer": {...}}, with bodies as text, or {"error": "..."}. Takes the endpoint and the region as arguments.
"""

import functools
import json
import sys

import boto3
from botocore.exceptions import BotoCoreError, ClientError

ENDPOINT, REGION = sys.argv[1:]
session = boto3.Session("test", "test", region_name=REGION)


@functools.cache
def client(service):
    return session.client(service, endpoint_url=ENDPOINT)


def text(value):
    return value.read().decode() if hasattr(value, "read") else str(value)


for line in sys.stdin:
    wanted = json.loads(line)
    try:
        answer = getattr(client(wanted["service"]), wanted["method"])(**wanted["arguments"])
        answer.pop("ResponseMetadata", None)
        said = {"answer": answer}
    except (BotoCoreError, ClientError) as error:
        said = {"error": str(error)}
    print(json.dumps(said, default=text), flush=True)
