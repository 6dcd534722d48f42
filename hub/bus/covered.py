"""From which position of a journal on the rows of which devices are all here.

Owns that knowledge of one journal while some devices are wanted of it, and others are not. Plain code; inflow.py keeps one.
"""

from hub.core.interest import ALL, Interest


class Covered:
    """Positions by device."""

    def __init__(self) -> None:
        self._all: int | None = None
        self._some: dict[str, int] = {}

    def add(self, interest: Interest, after: int) -> None:
        """Everything above a position is here of these devices."""
        if interest.devices is None:
            self._all = after
        else:
            self._some |= dict.fromkeys(interest.devices, after)

    def keep(self, interest: Interest) -> None:
        """Know of other devices than these nothing any more: what comes of them is not taken."""
        if interest.devices is not None:
            found = {device: self.since(frozenset((device,))) for device in interest.devices}
            self._all, self._some = None, {device: since for device, since in found.items() if since is not None}

    def lacks(self, interest: Interest) -> Interest | None:
        """Return what of these is not here; None: nothing."""
        if self._all is not None:
            return None
        if interest.devices is None:
            return ALL
        lacking = interest.devices.difference(self._some)
        return Interest(lacking) if lacking else None

    def since(self, devices: frozenset[str] | None) -> int | None:
        """Return the position above which everything is here of devices, None for all; None: there is none."""
        if devices is None:
            return self._all
        found = [self._some.get(device, self._all) for device in devices]
        known = [since for since in found if since is not None]
        return max(known, default=0) if len(known) == len(found) else None
