"""Redis as the hub's parts ask it: address.py reads its URL, client.py keeps the connections and says in one line what is wrong.

Knows no key but the prefix of all. Made in hub/states.py, handed to hub.state.redis and to what nodes share.
"""

from hub.redis.address import REPLY_S, Client, Passwords, make_client, servers_of
from hub.redis.client import ANSWER_S, NO_PASSWORDS, PREFIX, Redis

__all__ = ["ANSWER_S", "NO_PASSWORDS", "PREFIX", "REPLY_S", "Client", "Passwords", "Redis", "make_client", "servers_of"]
