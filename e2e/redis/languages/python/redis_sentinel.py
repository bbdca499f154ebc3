"""redis-py's clients of a master and of replicas that a Sentinel knows: RESP2 and RESP3."""

import json
import os

import redis
from redis.sentinel import Sentinel

host, port = os.environ["REDIS_ADDRESS"].rsplit(":", 1)
name = os.environ["REDIS_MASTER"]
login = {"username": "agent", "password": os.environ["REDIS_TOKEN"], "decode_responses": True}
seen = {}
for protocol in (2, 3):
    sentinel = Sentinel(
        [(host, int(port))],
        # redis-py does not read what a Sentinel says in RESP3.
        sentinel_kwargs={**login, "protocol": 2},
        protocol=protocol,
        **login,
    )
    one = {"master": sentinel.discover_master(name), "replicas": sentinel.discover_slaves(name)}
    master = sentinel.master_for(name)
    replica = sentinel.slave_for(name)
    master.set("by-python", "card 4111111111111111")
    master.wait(1, 0)
    one["written"] = master.get("by-python")
    one["read"] = replica.get("by-python")
    try:
        master.incr("by-python")
    except redis.exceptions.NoPermissionError as error:
        # The class of the exception stands for the code.
        one["refused"] = f"NOPERM {error}"
    one["after"] = master.get("by-python")
    master.close()
    replica.close()
    seen[protocol] = one
print(json.dumps(seen))
