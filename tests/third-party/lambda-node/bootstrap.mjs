// The planner's shape in the AWS SDK for JavaScript, under a loop of its own: read each person's
// partition, write a decision on condition of its generation, nudge every target with one request a
// queue. It decides nothing.
import http from "node:http";
import { DynamoDBClient, GetItemCommand, QueryCommand, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import { SendMessageBatchCommand, SQSClient } from "@aws-sdk/client-sqs";

const { AWS_LAMBDA_RUNTIME_API: api, LANYARD_TABLE: TableName, LANYARD_QUEUE_PREFIX: prefix } = process.env;
const targets = process.env.TARGETS.split(",");
const decision = "x".repeat(2048);
const dynamodb = new DynamoDBClient({});
// The server does not count digests.
const sqs = new SQSClient({ md5: false });
const agent = new http.Agent({ keepAlive: true });

const call = (method, path, body) =>
  new Promise((resolve, reject) => {
    const [host, port] = api.split(":");
    const options = { host, port, method, agent, path: `/2018-06-01/runtime/invocation/${path}` };
    const request = http.request(options, (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("end", () => resolve([response.headers, Buffer.concat(chunks).toString()]));
    });
    request.on("error", reject);
    request.end(body);
  });

async function handler(event) {
  const nudges = [];
  for (const message of event.Records) {
    const { record } = JSON.parse(message.body);
    const { Items } = await dynamodb.send(
      new QueryCommand({
        TableName,
        ConsistentRead: true,
        KeyConditionExpression: "pk = :pk",
        ExpressionAttributeValues: { ":pk": { S: `R#${record}` } },
      }),
    );
    const gen = Number(Items.find((item) => item.gen).gen.N);
    await dynamodb.send(
      new UpdateItemCommand({
        TableName,
        Key: { pk: { S: `R#${record}` }, sk: { S: "A" } },
        UpdateExpression: "SET gen = :next, #plan = :plan",
        ConditionExpression: "gen = :gen",
        ExpressionAttributeNames: { "#plan": "plan" },
        ExpressionAttributeValues: {
          ":gen": { N: String(gen) },
          ":next": { N: String(gen + 1) },
          ":plan": { S: decision },
        },
      }),
    );
    nudges.push([record, gen + 1]);
  }
  for (const target of targets) {
    await sqs.send(
      new SendMessageBatchCommand({
        QueueUrl: `${prefix}lane-${target}.fifo`,
        Entries: nudges.map(([identity, generation], number) => ({
          Id: String(number),
          MessageGroupId: `${target}#${identity}`,
          MessageDeduplicationId: `${target}#${identity}#${generation}`,
          MessageBody: JSON.stringify({ v: 1, identity, target, generation }),
        })),
      }),
    );
  }
  return { batchItemFailures: [] };
}

// As the functions do: connections are there before the first event.
await dynamodb.send(new GetItemCommand({ TableName, Key: { pk: { S: "T#-" }, sk: { S: "H" } } }));
await sqs.send(new SendMessageBatchCommand({ QueueUrl: `${prefix}terminations.fifo`, Entries: [] })).catch(() => {});

for (;;) {
  const [headers, event] = await call("GET", "next");
  const id = headers["lambda-runtime-aws-request-id"];
  try {
    await call("POST", `${id}/response`, JSON.stringify(await handler(JSON.parse(event))));
  } catch (error) {
    await call("POST", `${id}/error`, JSON.stringify({ errorType: error.name, errorMessage: error.message }));
  }
}
