"""What connections make of devices: here, gone, silent; and what a device said of itself, kept in the state store, within its bound.

Owns that, and who is told of presence. Base of registry_refresh.py; called by device sessions and by the looks at presence.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

import structlog

from devices.wire.messages import Channel, Hello
from hub.core.presence import FLAPPING_S, FLAPPING_TIMES, Pulse
from hub.core.registry_channels import described
from hub.core.registry_series import FORMER
from hub.core.registry_set import DeviceSet
from hub.ports import DeviceRecord, StoreUnavailable

_FLAPPING: Final = "a bad link, too little power, or two programs with one token: tributary device connections NAME tells how each ended"
_log: Final = structlog.get_logger(__name__)


class ConnectedDevices(DeviceSet):
    """The devices of a hub and their connections to it."""

    def look(self, passed_s: float, *, may_hear: bool = True, may_send: bool = True) -> None:
        """Show what time alone makes of presence: `passed_s` since the last look, as Presence.look takes it."""
        for name in self._presence.look(passed_s, may_hear=may_hear, may_send=may_send):
            record, heard_us = self._devices.get(name), self._presence.heard_us(name)
            if record is not None and heard_us is not None:
                self._keep(replace(record, last_seen_us=heard_us))
            self._show(name)
            self._tell(name)

    def _tell(self, name: str) -> None:
        for callback in self._presence_changed:
            callback(name)

    def refuses_series(self, name: str, lists: Iterable[Iterable[Channel]]) -> str | None:
        """Return why a device may not have these channels, all in all too many; None: it may."""
        record = self._devices.get(name)
        return None if record is None else self._bound.refuses(lists, record.description, self._now())

    def declare(self, hello: Hello) -> None:
        """Note what a device declared, before a frame of it can be stored; `connected` or `keep_waiting` writes it."""
        if (record := self._devices.get(hello.device)) is not None:
            self._note(record, described(hello, record.description, self._now(), self._bound))

    async def keep_waiting(self) -> None:
        """Write what of devices waits for its turn: of one whose connection ended before it was shown, of all where the hub stops."""
        if self._unwritten:
            await self._write_waiting()

    async def import_series(self, name: str, channels: tuple[Channel, ...]) -> None:
        """Count the series of an import as ones that the device had; a store that cannot take it ends no import."""
        if (record := self._devices.get(name)) is None:
            return
        if former := self._bound.after_import(channels, record.description, self._now()):
            self._note(record, {**record.description, FORMER: former})
        await self.keep_waiting()

    def _note(self, record: DeviceRecord, description: Mapping[str, Any]) -> None:
        if description != record.description:
            self._keep(replace(record, description=description))
            self._unwritten[record.name] = None

    async def connected(self, hello: Hello, pulse: Pulse) -> None:
        """Note a welcomed device at once, and keep what it declared; a store that cannot take it ends no connection."""
        name, now_us = hello.device, self._now()
        record = self._devices.get(name)
        if record is None:
            return  # removed while it said hello; its session is being closed
        was_flapping = self._presence.is_flapping(name)
        self._presence.came(hello, pulse, now_us)
        self.elsewhere.say(name, None)
        self._tell(name)
        if self._presence.is_flapping(name) and not was_flapping:
            _log.warning("device_flapping", device=name, times=FLAPPING_TIMES, within_s=FLAPPING_S, hint=_FLAPPING)
        self.declare(hello)
        self._keep(replace(self._devices[name], last_seen_us=now_us))
        self._show(name)
        if record.last_seen_us is None or name in self._unwritten:
            await self._write(name)

    def disconnected(self, name: str, code: int) -> int:
        """Note that the device's connection is gone, and by which code; return when it was last there, which its history keeps."""
        heard_us = self._presence.left(name, code, self._now())
        if (record := self._devices.get(name)) is not None:
            self._keep(replace(record, last_seen_us=heard_us))
            self._show(name)
            self._tell(name)
        return heard_us

    async def _write(self, name: str) -> None:
        """Store a device as it is known when its turn comes: an older view would undo a new token or a removal.

        Those that wait for their turn go in one transaction: a new fleet that connects at once costs a few syncs.
        """
        self._unwritten[name] = None
        await self._write_waiting()

    async def _write_waiting(self) -> None:
        async with self._writing:
            names, self._unwritten = self._unwritten, {}
            records = [self._devices[each] for each in names if each in self._devices]
            try:
                if records:
                    await self._state.change(seen=records)
            except StoreUnavailable as error:
                self._unwritten |= names  # tried again with the next of them that comes
                _log.error("devices_not_stored", devices=len(records), first=records[0].name, reason=str(error))
