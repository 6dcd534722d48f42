"""The hub from Python, on trio: its HTTP API, its live connection, and how a program on the same machine finds it.

Owns what a caller of a hub needs and nothing of the hub itself. Used by the command line, the simulators, the benchmarks and tests.
"""

from hub.client.errors import HubError
from hub.client.http import HubClient
from hub.client.live import LiveConnection

__all__ = ["HubClient", "HubError", "LiveConnection"]
