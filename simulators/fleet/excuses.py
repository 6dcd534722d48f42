"""Why a reading may be missing although it was made: it is still on its device's spool, the device declared it lost, the hub rejected it.

Owns what is known of one device's losses; a gap excuses as many readings as it declares and no more. What the hub says of gaps and
rejections counts as far as the device knows of it: else a hub could lose readings and call them declared lost. Audits ask it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hub.client import HubClient

FUTURE: Final = "future"  # why a hub rejects what is dated too far ahead
_DROPPED: Final = 0
_REJECTED: Final = 1


@dataclass(frozen=True, slots=True)
class Ahead:
    """Readings that were rejected as dated too far ahead: single ones by channel and time, and whole packs from one time to another."""

    readings: frozenset[tuple[str, int]]
    packs: Sequence[tuple[str, int, int]]

    def has(self, channel: str, time_us: int) -> bool:
        """Tell whether a reading is among them."""
        return (channel, time_us) in self.readings or any(channel == name and first <= time_us <= last for name, first, last in self.packs)

    def ends(self) -> frozenset[tuple[str, int]]:
        """Return the single ones, and of each pack the first and the last."""
        return self.readings | {(name, time_us) for name, *ends in self.packs for time_us in ends}


class Excuses:
    """The losses of all devices, each asked for when something of it is missing."""

    def __init__(
        self, client: HubClient, left: Mapping[str, Sequence[Sequence[int]]], known: Mapping[str, Sequence[int]] | None = None
    ) -> None:
        """Make one of what is on spools, and of how many readings each device itself dropped and was told to be rejected.

        A device that is not in `known` was killed on the way and has forgotten; the hub is believed.
        """
        self._client = client
        self._left = left  # device -> stretches of frames that are not acked
        self._known = {device: list(counts) for device, counts in (known or {}).items()}
        self._losses: dict[str, tuple[list[dict[str, Any]], set[tuple[str, int]]]] = {}
        self._ahead: dict[str, Ahead] = {}

    async def load(self, device: str) -> None:
        """Ask what a device has declared lost and what was refused of it. Raises HubError."""
        if device not in self._losses:
            said = await self._client.losses(device)
            gaps = [dict(gap) for gap in said["gaps"] if gap["from_us"] is not None and gap["to_us"] is not None]
            listed = [reading for reject in said["rejects"] for reading in reject.get("readings", ())]
            by_code: dict[bool, set[tuple[str, int]]] = {True: set(), False: set()}
            for each in listed:
                by_code[each.get("code") == FUTURE].add((str(each["channel"]), each["time_us"]))
            packs = [reject for reject in said["rejects"] if reject.get("code") == FUTURE]
            self._losses[device] = gaps, by_code[False]
            whole = [(str(pack["channel"]), pack["from_us"], pack["to_us"]) for pack in packs]
            self._ahead[device] = Ahead(frozenset(by_code[True]), whole)

    def ahead(self, device: str) -> "Ahead":
        """Return what the hub rejected of a device as it was dated too far ahead; `load` comes first."""
        return self._ahead[device]

    def is_spooled(self, device: str, number: int) -> bool:
        """Tell whether a frame was still on its device's spool."""
        return any(first <= number < end for first, end in self._left.get(device, ()))

    def why(self, device: str, channel: str, number: int, time_us: int) -> str | None:
        """Return spooled, rejected or in_gaps, None where nothing excuses it; `load` comes first. A gap counts each reading once."""
        if self.is_spooled(device, number):
            return "spooled"
        gaps, rejected = self._losses[device]
        if (channel, time_us) in rejected:
            return "rejected" if self._is_known(device, _REJECTED) else None
        for gap in gaps:
            if gap["from_us"] <= time_us <= gap["to_us"] and gap["readings"] > 0 and self._is_known(device, _DROPPED):
                gap["readings"] -= 1
                return "in_gaps"
        return None

    def _is_known(self, device: str, what: int) -> bool:
        """Tell whether a device knows of one more such loss, and count it."""
        counts = self._known.get(device)
        if counts is not None:
            counts[what] -= 1
        return counts is None or counts[what] >= 0
