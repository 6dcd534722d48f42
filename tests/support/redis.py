"""A real Redis for tests: a server for the length of a block, and the hub's connections to one."""

import re
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import trio

from hub.redis import NO_PASSWORDS, PREFIX, Passwords, Redis
from simulators.hub_process import free_port
from simulators.redis_process import PROGRAM, RedisProcess
from tests.support.waiting import wait_until

__all__ = ["PROGRAM", "RedisProcess", "connected", "is_replicated", "running_cluster", "running_redis", "running_sentinel", "wait_until"]

_SLOTS = 16_384
_SENTINEL = """
sentinel monitor main 127.0.0.1 {port} 1
sentinel down-after-milliseconds main 300
sentinel failover-timeout main 3000
"""


@contextmanager
def running_redis(directory: Path, *arguments: str, config: Path | None = None) -> Iterator[RedisProcess]:
    """Run a server until the block is left; whatever happens in it, the process is gone afterwards."""
    server = RedisProcess(directory, *arguments, config=config)
    try:
        server.start()
        yield server
    finally:
        server.kill()


def said(port: int, *words: object, password: str | None = None) -> bytes:
    """Ask a server something and return its answer as it is."""
    with socket.create_connection(("127.0.0.1", port), 5.0) as connection:
        if password is not None:
            connection.sendall(_request("AUTH", password))
            assert connection.recv(65_536) == b"+OK\r\n"
        connection.sendall(_request(*words))
        return connection.recv(65_536)


def _request(*words: object) -> bytes:
    asked = [str(word).encode() for word in words]
    return b"*%d\r\n" % len(asked) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in asked)


def is_replicated(primary: RedisProcess) -> bool:
    """Tell whether the replica has all that its primary has."""
    told = said(primary.port, "INFO", "replication").decode()
    offsets = set(re.findall(r"(?:,offset=|master_repl_offset:)(\d+)", told))
    return len(offsets) == 1


@contextmanager
def running_cluster(directory: Path, servers: int, *more: str, is_encrypted: bool = False) -> Iterator[str]:
    """Run a cluster of primaries; give its URL, encrypted that of their TLS."""
    with ExitStack() as stack:
        buses, secure = [free_port() for _ in range(servers)], [free_port() for _ in range(servers)]
        settings = [("--cluster-enabled", "yes", "--cluster-port", str(bus), *more) for bus in buses]
        if is_encrypted:
            settings = [(*each, "--tls-port", str(port), "--tls-cluster", "yes") for each, port in zip(settings, secure, strict=True)]
        nodes = [stack.enter_context(running_redis(directory / str(at), *each)) for at, each in enumerate(settings)]
        ports = secure if is_encrypted else [node.port for node in nodes]
        bounds = [_SLOTS * at // servers for at in range(servers + 1)]
        for at, node in enumerate(nodes):
            said(node.port, "CLUSTER", "ADDSLOTSRANGE", bounds[at], bounds[at + 1] - 1)
            said(node.port, "CLUSTER", "MEET", "127.0.0.1", ports[0], buses[0])
        wait_until(lambda: all(b"cluster_state:ok" in said(node.port, "CLUSTER", "INFO") for node in nodes))
        yield f"redis{'s' * is_encrypted}+cluster://" + ",".join(f"127.0.0.1:{port}" for port in ports)


@contextmanager
def running_sentinel(directory: Path, password: str | None = None) -> Iterator[tuple[str, RedisProcess]]:
    """Run a primary, a replica that has all of it, and a sentinel that watches them; give its URL and the primary.

    With a password the sentinel wants to be shown it; the servers want none.
    """
    wants = [] if password is None else ["--requirepass", password]
    with running_redis(directory / "primary") as primary:
        follows = ("--replicaof", f"127.0.0.1 {primary.port}")
        said(primary.port, "CONFIG", "SET", "repl-diskless-sync-delay", "0")
        with running_redis(directory / "replica", *follows) as replica:
            wait_until(lambda: b"master_link_status:up" in said(replica.port, "INFO", "replication"))
            (directory / "sentinel.conf").write_text(_SENTINEL.format(port=primary.port))
            with running_redis(directory, *wants, config=directory / "sentinel.conf") as sentinel:
                asked = ("SENTINEL", "REPLICAS", "main")
                wait_until(lambda: str(replica.port).encode() in said(sentinel.port, *asked, password=password))
                yield f"redis+sentinel://127.0.0.1:{sentinel.port}/main", primary


@asynccontextmanager
async def connected(url: str, prefix: str = PREFIX, passwords: Passwords = NO_PASSWORDS) -> AsyncIterator[Redis]:
    """Run the hub's connections to a Redis."""
    async with trio.open_nursery() as nursery:
        redis = Redis(url, passwords, prefix)
        await nursery.start(redis.run)
        yield redis
        nursery.cancel_scope.cancel()
