"""What devices log: lines out of the journal, kept by the state store, the newest of each device.

Owns which levels there are and what a page of lines looks like. The ledger's follower (results.py) enters lines along with its cursor, so
that each is kept once; web/device_log.py reads.
"""

from typing import Any, Final

from hub.ports import LogLine, StateStore

LEVELS: Final = ("debug", "info", "warning", "error")


class DeviceLog:
    """The lines of all devices."""

    def __init__(self, state: StateStore) -> None:
        self._state = state

    async def page(self, device: str, level: str, before: int | None, limit: int) -> tuple[list[dict[str, Any]], int | None]:
        """Return lines of a device of `level` or worse, newest first, and where the rest begins. Raises StoreUnavailable."""
        lines = await self._state.log_lines(device, LEVELS[LEVELS.index(level) :], before, limit + 1)
        return [_item(line) for line in lines[:limit]], lines[limit - 1].number if len(lines) > limit else None


def _item(line: LogLine) -> dict[str, Any]:
    return {"number": line.number, "arrived_us": line.arrived_us, "at_us": line.at_us, "level": line.level, "text": line.text}
