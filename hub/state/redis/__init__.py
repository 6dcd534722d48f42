"""The state store on Redis, which several nodes share: what hub.ports.StateStore promises, each change one script.

`store.py` is the adapter; `change.lua` makes a change, all of it or nothing; `values.py` says how things lie in Redis.
"""

from hub.state.redis.store import RedisStateStore

__all__ = ["RedisStateStore"]
