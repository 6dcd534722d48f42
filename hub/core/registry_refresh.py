"""What other nodes have changed of devices: added, edited, disabled, given tokens, removed; and what devices said of themselves there.

Owns how that is taken in: as if it was changed here, but for the store. Base of registry.py, which changes them; called by what brings the
changes (hub/nodes/taking_in.py).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from hub.core.elsewhere import Sighting
from hub.core.registry_connected import ConnectedDevices
from hub.core.registry_facts import KIND, DeviceFacts, facts_in
from hub.core.registry_set import DISABLED, GONE, OLD_TOKEN_OVER
from hub.core.registry_tokens import OLD_TOKEN, OldToken, old_token_in
from hub.ports import DeviceRecord

_TURN: Final = 200  # devices that are taken in at once; then others have theirs


class RefreshedDevices(ConnectedDevices):
    """The devices of a hub that may have several nodes."""

    async def refresh(self, kind: str, keys: Sequence[str]) -> None:
        """Take in devices that another node has changed, and what is kept beside them. Raises StoreUnavailable."""
        if kind in (KIND, OLD_TOKEN):
            async with self._writing:
                await self._take_in(keys)

    async def reload(self) -> None:
        """Take in all devices: nobody knows what other nodes have changed meanwhile. Raises StoreUnavailable."""
        async with self._writing:
            await self._take_in(list({*self._devices, *(record.name for record in await self._state.devices())}))
        await self._write_waiting()

    def on_presence(self, callback: Callable[[str], None]) -> None:
        """Call `callback(name)` when how a device is has changed by what happened here."""
        self._presence_changed.append(callback)

    def here(self) -> list[str]:
        """Return the devices that have a connection to this node."""
        return self._presence.connected()

    def sighting(self, name: str) -> Sighting | None:
        """Return how a device is by what is known here; None: it is not known, or another node speaks for it."""
        record = self._devices.get(name)
        if record is None or self.elsewhere.presence(name) is not None:
            return None
        return Sighting(self._node, self._presence.of(name), self._presence.item(name), record.last_seen_us)

    def told(self, sightings: Mapping[str, Sighting | None]) -> None:
        """Take what other nodes say of their devices; None: no other one speaks for it."""
        for name, sighting in sightings.items():
            if self.is_connected(name):
                continue  # here; where it is not any more its connection ends, and then it is read again
            if not self.elsewhere.say(name, sighting):
                continue
            record = self._devices.get(name)
            if record is not None and sighting is not None and (sighting.last_seen_us or 0) > (record.last_seen_us or 0):
                self._keep(replace(record, last_seen_us=sighting.last_seen_us))
            self._show(name)

    def lose_nodes(self, gone_us: Mapping[str, int]) -> None:
        """Take nodes that are gone, and since when, at their word no more: their devices come back, or had the time to."""
        for name in self.elsewhere.lose(gone_us):
            record = self._devices.get(name)
            if record is not None and self.elsewhere.presence(name) is None and not self.is_connected(name):
                self._presence.was_seen(name, record.description)
            self._show(name)

    async def _take_in(self, names: Sequence[str]) -> None:
        for at in range(0, len(names), _TURN):
            await self._take_some(names[at : at + _TURN])

    async def _take_some(self, names: Sequence[str]) -> None:
        records = {record.name: record for record in await self._state.devices_of(names)}
        facts = {document.key: facts_in(document) for document in await self._state.documents_of(KIND, names)}
        old = {document.key: old_token_in(document) for document in await self._state.documents_of(OLD_TOKEN, names)}
        for name in names:
            record, known = records.get(name), self._devices.get(name)
            if record is not None and known is not None and record.created_us != known.created_us:
                self._forget(name)  # removed, and added anew: nothing that was of the other one is of this one
                known = None
            if record is not None:
                self._facts[name] = facts.get(name, DeviceFacts())
                self._take(record, known, old.get(name))
                self._show(name)
            elif known is not None:
                self._forget(name)

    def _take(self, record: DeviceRecord, known: DeviceRecord | None, old: OldToken | None) -> None:
        """Know a device as it is kept, and end its connection where that is no longer let in."""
        name = record.name
        if known is not None:
            seen_us = [us for us in (record.last_seen_us, known.last_seen_us) if us is not None]
            record = replace(record, last_seen_us=max(seen_us, default=None))
            if name in self._unwritten:  # what the device said here is written when its turn comes
                record = replace(record, description=known.description)
            if known.token_hash != record.token_hash:
                self._tokens.forget(known.token_hash)
        before = self._tokens.forget_old(name)
        if old is not None:
            self._tokens.keep_old(name, old)
            self._replaced.set()
        self._keep(record)
        if known is None:
            return
        if record.is_disabled and not known.is_disabled:
            self._end(name, DISABLED)
        elif known.token_hash != record.token_hash and (old is None or before is not None):
            self._end(name, GONE if old is None else OLD_TOKEN_OVER)

    def _forget(self, name: str) -> None:
        """Know nothing of a device that was removed, and end its connection."""
        self._tokens.forget_device(self._devices.pop(name))
        self._facts.pop(name, None)
        self._ends.pop(name, None)
        self._owns.discard(name)
        self._unwritten.pop(name, None)
        self.elsewhere.say(name, None)
        self._presence.forget(name)
        self.connections.forget(name)
        self._board.remove_device(name)
        self._asked.remove(name)
        for callback in self._removed:
            callback(name)
        for ended in self._revoked:
            ended(name, *GONE)
