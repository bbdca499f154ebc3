"""redis-py's client of clusters: RESP2 and RESP3."""

import json
import os

import redis
from redis.cluster import RedisCluster

host, port = os.environ["REDIS_ADDRESS"].rsplit(":", 1)
keys = os.environ["REDIS_KEYS"].split(",")
seen = {}
for protocol in (2, 3):
    client = RedisCluster(
        host=host,
        port=int(port),
        username="agent",
        password=os.environ["REDIS_TOKEN"],
        protocol=protocol,
        decode_responses=True,
    )
    one = {"nodes": sorted(node.name for node in client.get_nodes())}
    for key in keys:
        client.set(key, f"at {key}")
    one["values"] = [client.get(key) for key in keys]
    one["refused"] = []
    for key in keys:
        try:
            client.incr(key)
        except redis.exceptions.NoPermissionError as error:
            # The class of the exception stands for the code.
            one["refused"].append(f"NOPERM {error}")
    one["after"] = client.get(keys[0])
    client.close()
    seen[protocol] = one
print(json.dumps(seen))
