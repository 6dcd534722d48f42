"""The hub's own figures as a device: its readings are journaled like everybody's, so that they can be charted, exported and alerted on.

Owns what is measured and the pace; the figures come from their parts, by main.py. It has no connection and no token, and is no device of
the fleet: the registry keeps it apart. While the journal holds it says nothing, as there is nothing to be late for. Started by main.py.
"""

import secrets
from collections.abc import Callable, Mapping
from typing import Final

import structlog
import trio

from devices.wire.codec import encode
from devices.wire.messages import Channel, Data
from hub.core.epochs import IMPORTED_FROM
from hub.core.records import Row, RowKind
from hub.core.registry import Registry
from hub.journal import Entry, Journal
from hub.ports import Conflict, Now, Opening, StoreUnavailable

_log: Final = structlog.get_logger(__name__)
PERIOD_S: Final = 10.0
_HOPS: Final = ("device_to_hub", "hub_to_durable", "durable_to_sent", "sent_to_painted")
CHANNELS: Final = (
    *(Channel(f"{hop}.{share}", "ms") for hop in _HOPS for share in ("p50", "p99")),
    *(Channel("frames", "/s"), Channel("viewers"), Channel("connected"), Channel("journal", "By")),
    *(Channel(f"lag.{follower}") for follower in ("history", "rules", "ledger", "live")),
)
_INDEX: Final = {channel.name: index for index, channel in enumerate(CHANNELS)}
_TAKEN: Final = "a device is called {name}, so the hub's own figures have no name: choose another with the setting own_device"


class OwnDevice:
    """The device `name`; an Owner of journal entries. `figures()` gives values by channel, None where there is none now."""

    def __init__(
        self, name: str, journal: Journal, registry: Registry, figures: Callable[[], Mapping[str, float | None]], now: Now
    ) -> None:
        self.name = name
        self._journal = journal
        self._registry = registry
        self._figures = figures
        self._now = now
        self._epoch = 1 + secrets.randbelow(IMPORTED_FROM - 1)
        self._seq = self._durable = 0
        self._is_taken = self._is_open = False

    def notes(self) -> list[str]:
        """Return what the operator should know."""
        return [_TAKEN.format(name=self.name)] if self._is_taken else []

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Measure until cancelled; at once nothing where it is switched off or the name is somebody's."""
        task_status.started()
        if not self.name:
            return
        try:
            while not self._is_taken:
                await self._turn()
                await trio.sleep(PERIOD_S)
        finally:
            with trio.CancelScope(shield=True):
                await self._journal.withdraw(self)

    async def _turn(self) -> None:
        """Do what can be done now: be there, open the epoch, measure."""
        if self._registry.own != self.name:
            try:
                self._is_taken = not await self._registry.be_own(self.name, CHANNELS)
            except (StoreUnavailable, Conflict):  # a full disk, say, of which everybody hears, or another node was faster
                return
            if self._is_taken:
                _log.warning("own_device_taken", device=self.name, hint=_TAKEN.format(name=self.name))
                return
        if self._is_open:
            self._measure()
        elif not self._journal.holding:
            self._is_open = await self._journal.open_epochs(self, [Opening(self.name, self._epoch, CHANNELS, self._now())])

    def _measure(self) -> None:
        """Submit one frame, unless the one before is on its way still."""
        found = {_INDEX[name]: float(value) for name, value in self._figures().items() if value is not None}
        if self._journal.holding or self._durable < self._seq or not found:
            return
        self._seq += 1
        now_us = self._now()
        body = encode(Data(self._epoch, self._seq, now_us, list(found), [0] * len(found), list(found.values())))
        row = Row(0, self.name, self._epoch, self._seq, RowKind.DATA, now_us, body, None)
        self._journal.submit(Entry(self, row))

    def committed(self, marks: Mapping[int, int]) -> None:
        """Take the journal's word that frames are durable."""
        self._durable = max(self._durable, marks.get(self._epoch, 0))
