"""The devices of a hub in memory: looked up by name, token and tag, shown to viewers, kept through connections.

Owns the set, the entity items and what a connection changes. What people change is registry.py's, which is built on it.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final, Protocol

import structlog
import trio

from devices.wire.fields import shown
from devices.wire.limits import CloseCode
from hub.core.connections import ConnectionHistory
from hub.core.device_log import DeviceLog
from hub.core.elsewhere import Elsewhere
from hub.core.errors import Refusal
from hub.core.members import Asked, Members
from hub.core.presence import RETURN_S, LivedTime, Presence
from hub.core.registry_channels import SHOWN
from hub.core.registry_facts import KIND, DeviceFacts, facts_in
from hub.core.registry_series import SeriesBound
from hub.core.registry_tokens import NO_TOKEN, OLD_TOKEN, Tokens, old_token_in
from hub.core.tags import facts_of
from hub.ports import DeviceRecord, Now, StateStore

_log: Final = structlog.get_logger(__name__)
Ended = Callable[[str, CloseCode, str], None]
OWN: Final = "own"  # in the description of a hub's own device
GONE: Final = (CloseCode.REVOKED, "the token was withdrawn")
OLD_TOKEN_OVER: Final = (CloseCode.OLD_TOKEN, "a replaced token is good no longer; come back with the new one")
DISABLED: Final = (CloseCode.DISABLED, "the device is disabled")


class Board(Protocol):
    """Where entity items are shown to viewers."""

    def put_device(self, item: Mapping[str, Any]) -> None:
        """Show a device."""

    def remove_device(self, name: str) -> None:
        """Show that a device is gone."""


class DeviceSet:
    """All devices of this hub, in memory and in the state store."""

    def __init__(
        self,
        state: StateStore,
        board: Board,
        now: Now,
        return_s: float = RETURN_S,
        node: str = "hub",
        bound: SeriesBound = SeriesBound(),  # noqa: B008  # frozen
    ) -> None:
        self._state = state
        self._bound = bound
        self._board = board
        self._now = now
        self._devices: dict[str, DeviceRecord] = {}
        self._facts: dict[str, DeviceFacts] = {}  # only of those that people said something of
        self._tokens = Tokens()
        self._presence = Presence(return_s)
        self.connections = ConnectionHistory(state, now, node)
        self.log = DeviceLog(state)
        self._node = node
        self._asked = Asked()
        self.own = ""  # the device of the hub's own figures: nobody's, and none that an expression means
        self._owns: set[str] = set()  # that and those of other nodes
        self.erasing: set[str] = set()  # whose readings are being deleted: a new device of the name would lose its own
        self._ends: dict[str, tuple[CloseCode, str]] = {}  # why connections of a device were last ended
        self._revoked: list[Ended] = []
        self._removed: list[Callable[[str], None]] = []
        self._presence_changed: list[Callable[[str], None]] = []
        self.elsewhere = Elsewhere()
        self._unwritten: dict[str, None] = {}  # whose description waits for its turn
        self._replaced = trio.Event()  # a token was, and is good for a while yet
        self._writing = trio.Lock()  # one change of the store at a time, each made of what is known when its turn comes

    async def load(self) -> None:
        """Read the devices once at start; each that was ever seen is `unconfirmed` until it connects or had the time to."""
        seen_us = await self.connections.load()
        self._facts = {document.key: facts_in(document) for document in await self._state.documents(KIND)}
        for record in await self._state.devices():
            if record.last_seen_us is not None and record.name in seen_us:
                record = replace(record, last_seen_us=max(record.last_seen_us, seen_us[record.name]))
            self._keep(record)
            if record.last_seen_us is not None:
                self._presence.was_seen(record.name, record.description)
        for document in await self._state.documents(OLD_TOKEN):
            self._tokens.keep_old(document.key, old_token_in(document))
        for name in self._devices:
            self._show(name)

    def on_revoked(self, callback: Ended) -> None:
        """Call `callback(name, code, reason)` when a device's connection must end: token withdrawn, device disabled or removed."""
        self._revoked.append(callback)

    def on_removed(self, callback: Callable[[str], None]) -> None:
        """Call `callback(name)` when a device was removed, before its connection ends."""
        self._removed.append(callback)

    def device_of(self, token: str) -> str | None:
        """Return the name of the device that a token was made for. Raises Refusal where it is disabled."""
        name = self._tokens.device_of(token, self._now())
        if name is not None and self._devices[name].is_disabled:
            raise Refusal("disabled", f"device {name} is disabled", f"it may come back after: tributary device enable {name}", 423)
        return name

    def names(self) -> list[str]:
        """Return all names, sorted."""
        return sorted(self._devices)

    def fleet_size(self) -> int:
        """Return how many devices there are; the hub's own, and those of other nodes, are none of them."""
        return len(self._devices) - len(self._owns)

    def select(self, where: str) -> list[str]:
        """Return the names of the devices that a tag expression means now, sorted. Raises Refusal where it cannot be read."""
        return self._asked.select(where)

    def members(self, where: str) -> Members:
        """Return the devices that a tag expression means, kept up to date as long as it is held: `matches(device)` is a look into a
        set, `watch(callback)` tells who joins and leaves. Raises Refusal where the expression cannot be read."""
        return self._asked.members(where)

    def _facts_of(self, name: str) -> dict[str, str]:
        """Return what an expression is asked of a device."""
        record, facts = self._devices[name], self._facts.get(name, DeviceFacts())
        own = {"name": name, "presence": self.presence(name), "kind": facts.kind, "title": facts.title}
        own["firmware"] = str(record.description.get("firmware", ""))
        told = facts_of(facts.tags) | {key: value for key, value in own.items() if value}
        told |= {"disabled": ""} if record.is_disabled else {}
        return told | ({"flapping": ""} if self._presence.is_flapping(name) else {})

    def record(self, name: str) -> DeviceRecord | None:
        """Return a device's record."""
        return self._devices.get(name)

    def knows(self, name: str) -> bool:
        """Tell whether there is a device of this name, be it the hub's own."""
        return name in self._devices or name == self.own

    def admission(self, name: str) -> int | None:
        """Return by what `ending` knows who is let in as this device now."""
        return self._tokens.admission(name)

    def ending(self, name: str, admission: int | None) -> tuple[CloseCode, str] | None:
        """Return why who was let in as this device then must leave, None where nothing speaks against it."""
        if (record := self._devices.get(name)) is None or admission is None:
            return GONE
        if record.is_disabled:
            return DISABLED
        return None if admission == self._tokens.admission(name) else self._ends.get(name, GONE)

    def is_connected(self, name: str) -> bool:
        """Tell whether the device has a connection that was welcomed."""
        return self._presence.is_connected(name)

    def presence(self, name: str) -> str:
        """Return how the device is: by its connection here, by the word of the node that has it, or by what is known here."""
        return self._presence.of(name) if self.is_connected(name) else self.elsewhere.presence(name) or self._presence.of(name)

    @property
    def lived(self) -> LivedTime:
        """The time that pulses are written in."""
        return self._presence.lived

    def item(self, name: str) -> dict[str, Any] | None:
        """Return a device as viewers see it (protocol section 11, without `version`)."""
        record = self._devices.get(name)
        if record is None:
            return None
        item: dict[str, Any] = {"device": name, "presence": self.presence(name), "channels": [], "commands": []}
        item.update({key: value for key, value in record.description.items() if value not in (None, "") and key in SHOWN})
        if record.last_seen_us is not None:
            item["last_seen_us"] = record.last_seen_us
        if record.is_disabled:
            item["disabled"] = True
        if name == self.own:
            return item | {"presence": "online", "own": True, "title": "This hub"}
        if name in self._owns:
            return item | {"own": True, "title": f"Hub {name}"}
        if record.token_hash == NO_TOKEN:
            item["has_token"] = False
        if (old := self._tokens.old.get(name)) is not None:
            item["old_token_until_us"] = old.until_us
        facts = self._presence.item(name) if self.is_connected(name) else self._presence.item(name) | self.elsewhere.item(name)
        return item | facts | self._facts.get(name, DeviceFacts()).item()

    def _record(self, name: str) -> DeviceRecord:
        record = self._devices.get(name)
        if record is None:
            raise Refusal("no_device", f"no device is called {shown(name)}", "see: tributary device list", 404)
        if name == self.own:
            said = f"{name} is the hub's own device: it has no token, and stays as long as the hub says so"
            raise Refusal("own_device", said, "to be rid of it, start the hub with the setting own_device empty, then remove it", 409)
        return record

    def _keep(self, record: DeviceRecord) -> None:
        self._devices[record.name] = record
        self._tokens.keep(record)
        if record.description.get(OWN):
            self._owns.add(record.name)

    def _show(self, name: str) -> None:
        item = self.item(name)
        if item is not None:
            self._board.put_device(item)
            if name not in self._owns:
                self._asked.put(name, self._facts_of(name))

    def _end(self, name: str, end: tuple[CloseCode, str]) -> None:
        """End the device's connection, and those that were let in and have not said hello."""
        self._tokens.withdrawn(name)
        self._ends[name] = end
        for callback in self._revoked:
            callback(name, *end)
