"""The devices that may connect, what each declared, and whether it is there: presence.

Owns the set of devices, their token hashes and their entity items; writes through the StateStore port and tells Entities. It has no
sockets: device sessions report `connected` and `disconnected`. Called by the door (device_of), the API and the sessions.
"""

import hashlib
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final, Protocol

import structlog
import trio

from devices.wire.fields import is_device_name, shown
from devices.wire.hello import list_of_channels
from devices.wire.messages import Hello
from hub.core.errors import Refusal
from hub.ports import DeviceRecord, Now, StateStore, StoreUnavailable

_log: Final = structlog.get_logger(__name__)


class Board(Protocol):
    """Where entity items are shown to viewers."""

    def put_device(self, item: Mapping[str, Any]) -> None:
        """Show a device."""

    def remove_device(self, name: str) -> None:
        """Show that a device is gone."""


def hash_token(token: str) -> bytes:
    """Return what is stored of a token: 256 random bits need no salt and no slow hash."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()


def new_token() -> str:
    """Draw a token of 256 random bits, 43 characters."""
    return secrets.token_urlsafe(32)


def described(hello: Hello) -> dict[str, Any]:
    """Return what the registry keeps of a hello."""
    return {
        "channels": list_of_channels(hello.channels),
        "commands": [{"name": c.name, "description": c.description, "args": dict(c.args)} for c in hello.commands],
        "firmware": hello.firmware,
        "interval_s": hello.interval_s,
        "max_message_bytes": hello.max_message_bytes,
    }


class Registry:
    """All devices of this hub, in memory and in the state store."""

    def __init__(self, state: StateStore, board: Board, now: Now) -> None:
        self._state = state
        self._board = board
        self._now = now
        self._devices: dict[str, DeviceRecord] = {}
        self._by_token: dict[bytes, str] = {}
        self._connected_us: dict[str, int] = {}
        self._clock_offset_us: dict[str, int] = {}
        self.erasing: set[str] = set()  # whose readings are being deleted: a new device of the name would lose its own
        self._revoked: list[Callable[[str], None]] = []
        self._removed: list[Callable[[str], None]] = []
        self._writing = trio.Lock()  # one change of the store at a time, each made of what is known when its turn comes
        self._unconfirmed: set[str] = set()  # seen before this start and not since: hub downtime is not device downtime

    async def load(self) -> None:
        """Read the devices once at start; each that was ever seen is `unconfirmed` until it connects or `confirm` is called."""
        for record in await self._state.devices():
            self._keep(record)
            if record.last_seen_us is not None:
                self._unconfirmed.add(record.name)
            self._show(record.name)

    def on_revoked(self, callback: Callable[[str], None]) -> None:
        """Call `callback(name)` when a device's token was replaced or the device removed: its connection must end."""
        self._revoked.append(callback)

    def on_removed(self, callback: Callable[[str], None]) -> None:
        """Call `callback(name)` when a device was removed, before its connection ends."""
        self._removed.append(callback)

    def confirm(self) -> None:
        """Call the devices that did not come back offline: the time for coming back after a start is over."""
        for name in self._unconfirmed - self._connected_us.keys():
            self._unconfirmed.discard(name)
            self._show(name)

    async def add_device(self, name: str) -> str:
        """Add a device and return its token, which is shown this once. Raises Refusal."""
        return (await self.add_devices([name]))[name]

    async def add_devices(self, names: Iterable[str]) -> dict[str, str]:
        """Add devices and return the token of each. Raises Refusal before anything is added."""
        wanted = list(names)
        async with self._writing:
            for name in wanted:
                self._check_new(name)
            tokens = {name: new_token() for name in wanted}
            for name, token in tokens.items():
                record = DeviceRecord(name, self._now(), hash_token(token), {})
                await self._state.put_device(record)
                self._keep(record)
                self._show(name)
                _log.info("device_added", device=name)
        return tokens

    def _check_new(self, name: str) -> None:
        if not is_device_name(name):
            rule = "a device name is 1 to 64 of A-Z a-z 0-9 . _ : - and begins with a letter or digit"
            raise Refusal("bad_name", f"{rule}; this is {shown(name)}", "choose another name", 422)
        if name in self._devices:
            raise Refusal("exists", f"device {name} exists", f"for a new token: tributary device token {name}", 409)
        if name in self.erasing:
            raise Refusal("being_deleted", f"the readings of {name} are being deleted", "try again when that is done", 409)

    async def new_token(self, name: str) -> str:
        """Replace a device's token and return the new one; the old one no longer opens a connection."""
        async with self._writing:
            old_hash, token = self._record(name).token_hash, new_token()
            await self._state.put_device(replace(self._record(name), token_hash=hash_token(token)))
            self._by_token.pop(old_hash, None)
            # What the device declared meanwhile stays; it is written when its turn comes.
            self._keep(replace(self._record(name), token_hash=hash_token(token)))
        _log.info("device_token_replaced", device=name)
        _tell(self._revoked, name)
        return token

    async def remove_device(self, name: str) -> None:
        """Forget a device; its readings stay in the history. Raises Refusal where it is not known."""
        async with self._writing:
            self._record(name)
            await self._state.delete_device(name)
            self._by_token.pop(self._record(name).token_hash, None)
            del self._devices[name]
        self._unconfirmed.discard(name)
        self._clock_offset_us.pop(name, None)
        self._board.remove_device(name)
        _log.info("device_removed", device=name)
        _tell(self._removed, name)
        _tell(self._revoked, name)

    def device_of(self, token: str) -> str | None:
        """Return the name of the device that a token was made for. The look-up is by hash, so its time tells nothing of the token."""
        return self._by_token.get(hash_token(token))

    def names(self) -> list[str]:
        """Return all names, sorted."""
        return sorted(self._devices)

    def record(self, name: str) -> DeviceRecord | None:
        """Return a device's record."""
        return self._devices.get(name)

    def token_hash(self, name: str) -> bytes | None:
        """Return what is stored of the device's token; another one, or None, means that the one before was withdrawn."""
        record = self._devices.get(name)
        return None if record is None else record.token_hash

    def is_connected(self, name: str) -> bool:
        """Tell whether the device has a connection that was welcomed."""
        return name in self._connected_us

    async def connected(self, hello: Hello) -> None:
        """Note a welcomed device at once, and keep what it declared; a store that cannot take it ends no connection."""
        name, now_us = hello.device, self._now()
        record = self._devices.get(name)
        if record is None:
            return  # removed while it said hello; its session is being closed
        self._connected_us[name] = now_us
        self._unconfirmed.discard(name)
        self._clock_offset_us.pop(name, None)
        if hello.clock_us is not None:
            self._clock_offset_us[name] = hello.clock_us - now_us
        self._keep(replace(record, description=described(hello), last_seen_us=now_us))
        self._show(name)
        await self._write(name)

    async def disconnected(self, name: str) -> None:
        """Note at once that the device's connection is gone; a store that cannot take it is told to the log."""
        self._connected_us.pop(name, None)
        record = self._devices.get(name)
        if record is None:
            return
        self._keep(replace(record, last_seen_us=self._now()))
        self._show(name)
        await self._write(name)

    async def _write(self, name: str) -> None:
        """Store a device as it is known when its turn comes: an older view would undo a new token or a removal."""
        async with self._writing:
            record = self._devices.get(name)
            if record is None:
                return
            try:
                await self._state.put_device(record)
            except StoreUnavailable as error:
                # Presence is in memory, and the device says the rest again in its next hello.
                _log.error("presence_not_stored", device=name, reason=str(error))

    def item(self, name: str) -> dict[str, Any] | None:
        """Return a device as viewers see it (protocol section 11, without `version`)."""
        record = self._devices.get(name)
        if record is None:
            return None
        item: dict[str, Any] = {"device": name, "presence": self._presence(name), "channels": [], "commands": []}
        item.update({key: value for key, value in record.description.items() if value not in (None, "") and key != "max_message_bytes"})
        optional = {
            "last_seen_us": record.last_seen_us,
            "connected_us": self._connected_us.get(name),
            "clock_offset_us": self._clock_offset_us.get(name),
        }
        return item | {key: value for key, value in optional.items() if value is not None}

    def _presence(self, name: str) -> str:
        if name in self._connected_us:
            return "online"
        return "unconfirmed" if name in self._unconfirmed else "offline"

    def _record(self, name: str) -> DeviceRecord:
        record = self._devices.get(name)
        if record is None:
            raise Refusal("no_device", f"no device is called {shown(name)}", "see: tributary device list", 404)
        return record

    def _keep(self, record: DeviceRecord) -> None:
        self._devices[record.name] = record
        self._by_token[record.token_hash] = record.name

    def _show(self, name: str) -> None:
        item = self.item(name)
        if item is not None:
            self._board.put_device(item)


def _tell(callbacks: Iterable[Callable[[str], None]], name: str) -> None:
    for callback in callbacks:
        callback(name)
