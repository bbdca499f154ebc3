"""redis-py: RESP2 and RESP3, pipelines with and without a transaction, publish and subscribe."""

import json
import os

import redis

host, port = os.environ["REDIS_ADDRESS"].rsplit(":", 1)
seen = {}
for protocol in (2, 3):
    client = redis.Redis(
        host=host,
        port=int(port),
        username="agent",
        password=os.environ["REDIS_TOKEN"],
        protocol=protocol,
        decode_responses=True,
    )
    one = {
        "hash": client.hgetall("customer:1"),
        "many": client.mget("greeting", "session:1", "nothing"),
    }
    try:
        client.flushall()
    except redis.exceptions.NoPermissionError as error:
        # The class of the exception stands for the code.
        one["refused"] = f"NOPERM {error}"
    one["exec"] = client.pipeline(transaction=True).get("greeting").get("session:1").execute()
    pubsub = client.pubsub(ignore_subscribe_messages=True)
    pubsub.subscribe("session:news")
    pubsub.get_message(timeout=60)
    client.publish("session:news", "token-of-a-session")
    heard = None
    while heard is None:
        heard = pubsub.get_message(timeout=60)
    one["heard"] = heard["data"]
    pubsub.close()
    one["after"] = client.get("greeting")
    seen[protocol] = one
print(json.dumps(seen))
