"""Whether a device is there: its connection, what its clock said, and what is only supposed after a start of the hub.

Owns the states of presence but for those that need the time of a device's last frame; takes the time as an argument. The registry keeps it.
"""

from typing import Any

from devices.wire.messages import Hello


class Presence:
    """Who is connected."""

    def __init__(self) -> None:
        self._connected_us: dict[str, int] = {}
        self._clock_offset_us: dict[str, int] = {}
        self._unconfirmed: set[str] = set()  # seen before this start and not since: hub downtime is not device downtime

    def was_seen(self, name: str) -> None:
        """Suppose that a device which was seen before this start comes back."""
        self._unconfirmed.add(name)

    def came(self, hello: Hello, now_us: int) -> None:
        """Note a welcomed device."""
        name = hello.device
        self._connected_us[name] = now_us
        self._unconfirmed.discard(name)
        self._clock_offset_us.pop(name, None)
        if hello.clock_us is not None:
            self._clock_offset_us[name] = hello.clock_us - now_us

    def left(self, name: str) -> None:
        """Note that the device's connection is gone."""
        self._connected_us.pop(name, None)

    def forget(self, name: str) -> None:
        """Know nothing of a removed device; its connection, which ends, is still one."""
        self._unconfirmed.discard(name)
        self._clock_offset_us.pop(name, None)

    def confirm(self) -> list[str]:
        """Suppose nothing any more; return whose presence this changes."""
        missed = sorted(self._unconfirmed - self._connected_us.keys())
        self._unconfirmed.clear()
        return missed

    def is_connected(self, name: str) -> bool:
        """Tell whether the device has a connection that was welcomed."""
        return name in self._connected_us

    def of(self, name: str) -> str:
        """Return `online`, `unconfirmed` or `offline`."""
        if name in self._connected_us:
            return "online"
        return "unconfirmed" if name in self._unconfirmed else "offline"

    def item(self, name: str) -> dict[str, Any]:
        """Return what of it viewers see beside the state."""
        told = {"connected_us": self._connected_us.get(name), "clock_offset_us": self._clock_offset_us.get(name)}
        return {key: value for key, value in told.items() if value is not None}
