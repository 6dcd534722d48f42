"""The nodes of a cluster: which there are, which are alive, what each says of itself, and the token that they show each other.

Owns this node's record, which Redis forgets unless it is renewed, and what was last read of the others. While Redis is away the nodes are
known as they were: nobody is taken for gone then, nor until all have had the time to renew. A node whose name another one has taken ends:
both would speak for the same devices and keep each other's cursors. Made by main.py, which runs it when the journal is open.
"""

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

import structlog
import trio

from hub.core.errors import Refusal
from hub.nodes.node import Node, Own
from hub.ports import Now, StoreUnavailable

if TYPE_CHECKING:
    from hub.redis import Redis

RENEW_S: Final = 2.0
ALIVE_S: Final = 10.0  # without a renewal, by Redis' clock
_KEPT_S: Final = 7 * 86_400.0  # one that is gone
_LEAVE_S: Final = 1.0
# What is known here of what a node says; a newer one says more.
_SAID: Final = ("url", "journal", "version", "store", "started_us", "is_leaving", "figures")
_SCRIPT: Final = files("hub.nodes").joinpath("membership.lua").read_text()
_log: Final = structlog.get_logger(__name__)


class Membership:
    """The cluster as this node sees it."""

    def __init__(self, redis: "Redis", own: Own, now: Now) -> None:
        self._redis, self._own, self._now = redis, own, now
        self._life = secrets.token_hex(8)
        self._token = secrets.token_urlsafe(32)
        self._shown = ""  # the token that others have, too
        self._others: dict[str, Node] = {}
        self._changed: list[Callable[[Node], None]] = []
        self._told: list[Callable[[str], None]] = []
        self._news = trio.Event()
        self._lives = -1  # of Redis, when it was read last
        self._sure_ms = 0  # of Redis' clock: until then it was away so lately that others may not have renewed yet
        self.unanswered_us: Callable[[], Mapping[str, int]] = dict  # nodes that do not answer this one, and since when
        self._asked_us = 0
        self.clock_off_s = 0.0  # how far this machine's clock is ahead of that of Redis, as far as the way of an answer does not explain it

    @property
    def token(self) -> str:
        """What nodes show each other."""
        return self._token

    @property
    def stale(self) -> str | None:
        """Why the others are known as they were; None: as they are."""
        return self._redis.away

    def alive(self) -> list[Node]:
        """Return the other nodes that live."""
        return [node for node in self._others.values() if node.is_alive]

    def get(self, name: str) -> Node | None:
        """Return another node, also one that was here within some days."""
        return self._others.get(name)

    def on_changed(self, callback: Callable[[Node], None]) -> None:
        """Call `callback(node)` when another node has come, or is gone."""
        self._changed.append(callback)

    def on_token(self, callback: Callable[[str], None]) -> None:
        """Call `callback(token)` when it is known, and again where Redis has lost it."""
        self._told.append(callback)

    def announce(self) -> None:
        """Have the others told at once what this node says of itself."""
        self._news.set()

    def leaving(self) -> set[str]:
        """Return the other nodes that are being stopped in order, or were, and are not back."""
        return {node.name for node in self._others.values() if node.is_leaving}

    async def tell_of_leaving(self) -> None:
        """Wait to be cancelled, and have the others told then that this node will not answer: while it still ends what it has begun."""
        try:
            await trio.sleep_forever()
        finally:
            self._own.is_leaving = True
            self.announce()

    def described(self) -> dict[str, Any]:
        """Return what /api/v1/nodes says."""
        others = [self._others[name] for name in sorted(self._others)]
        return self._own.among(others, self.stale, self.unanswered_us(), self._now()) | {"alone": False}

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Join, then renew until cancelled, and leave.

        Raises Refusal: the name, or a history of its own, keeps it out, or another node has taken the name since.
        """
        self._own.started_us = self._now()
        await self._join()
        task_status.started()
        try:
            while True:
                self._news = trio.Event()
                with trio.move_on_after(RENEW_S):
                    await self._news.wait()
                await self._renew()
        finally:
            with trio.move_on_after(_LEAVE_S, shield=True):
                await self._leave()

    async def _join(self) -> None:
        while True:
            try:
                said = await self._ask("join")
            except StoreUnavailable as error:  # it was there when the state was read, and is needed to start
                _log.warning("cluster_not_joined", reason=str(error))
                await trio.sleep(RENEW_S)
                continue
            if said[0] == b"name":
                what = f"another node is called {self._own.name}: it is at {_url_in(said[1])}"
                raise Refusal("node_name_taken", what, "give this one another name: node = ...")
            if said[0] == b"embedded":
                what = f"node {said[1].decode()} is on this Redis, and a history in a data directory (duckdb) is of one node only"
                raise Refusal("embedded_history", what, "set store on every node to a database they share: InfluxDB or VictoriaMetrics")
            return self._take(said)

    async def _renew(self) -> None:
        try:
            said = await self._ask("renew")
        except StoreUnavailable:
            return
        if said[0] == b"name":
            _log.error("node_name_lost", node=self._own.name, to=_url_in(said[1]))
            what = f"another node took the name {self._own.name} while this one did not reach Redis: it is at {_url_in(said[1])}"
            raise Refusal(
                "node_name_lost", what, "give one of them another name: node = ...; this one ended in order, and may be started again"
            )
        self._take(said)

    async def _leave(self) -> None:
        self._own.is_leaving = True
        try:
            await self._ask("leave")
        except StoreUnavailable:
            return

    async def _ask(self, what: str) -> Sequence[bytes]:
        own, self._asked_us = self._own.node(self._now()), self._now()
        about = {"url": own.url, "journal": own.journal, "version": own.version, "store": own.store, "started_us": own.started_us}
        body = json.dumps(about | {"is_leaving": own.is_leaving, "figures": own.figures})
        times = (int(ALIVE_S * 1_000), int(_KEPT_S * 1_000))
        embedded = int(own.store == "duckdb")
        args = (what, own.name, own.journal, self._life, embedded, body, *times, self._token)
        said: Sequence[bytes] = await self._redis.run_script(_SCRIPT, self._redis.key("nodes"), args, self._redis.key("nodes", "token"))
        return said

    def _take(self, said: Sequence[bytes]) -> None:
        """Take in the token and what the others say."""
        token, redis_ms = said[1].decode(), int(said[2])
        if token != self._shown:
            self._token = self._shown = token
            for told in self._told:
                told(token)
        ahead_us, behind_us = self._asked_us - redis_ms * 1_000, redis_ms * 1_000 - self._now()
        self.clock_off_s = (max(ahead_us, 0) - max(behind_us, 0)) / 1e6
        if self._redis.lives != self._lives:
            self._sure_ms = 0 if self._lives < 0 else redis_ms + int(ALIVE_S * 1_000)
            self._lives = self._redis.lives
        is_unsure = redis_ms < self._sure_ms
        before = self._others
        self._others = {node.name: replace(node, is_alive=is_unsure) for node in self.alive()}  # also where Redis has lost it
        for name, until_ms, body in zip(said[3::3], said[4::3], said[5::3], strict=True):
            left_ms = int(until_ms) - redis_ms  # in this node's own time: clocks of machines differ
            about = {key: value for key, value in json.loads(body).items() if key in _SAID}
            has_left = about.get("is_leaving", False) and left_ms <= 0  # its record ends with its last word, and not some time later
            seen_us = self._now() + (left_ms - (0 if has_left else int(ALIVE_S * 1_000))) * 1_000
            is_alive = left_ms > 0 or (is_unsure and not has_left and name.decode() in self._others)
            self._others[name.decode()] = Node(name.decode(), **about, seen_us=seen_us, is_alive=is_alive)
        for node in self._others.values():
            was_alive = node.name in before and before[node.name].is_alive
            if node.is_alive != was_alive:
                _log.info("node_came" if node.is_alive else "node_gone", node=node.name, url=node.url)
                for callback in self._changed:
                    callback(node)


def _url_in(body: bytes) -> str:
    """Return where a node is, out of its record."""
    return str(json.loads(body).get("url") or "an address that it has not said yet")
