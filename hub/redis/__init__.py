"""Redis as the hub's parts ask it: address.py reads its URL, client.py keeps the connections and says in one line what is wrong.

Knows no key but the prefix of all. Made in hub/states.py, handed to hub.state.redis and to what nodes share.
"""

from hub.redis.address import REPLY_S, Client, make_client, servers_of
from hub.redis.client import ANSWER_S, PREFIX, Redis

__all__ = ["ANSWER_S", "PREFIX", "REPLY_S", "Client", "Redis", "make_client", "servers_of"]
