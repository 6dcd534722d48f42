"""Why a reading may be missing although it was made: it is still on its device's spool, the device declared it lost, the hub rejected it.

Owns what is known of one device's losses; a gap excuses as many readings as it declares and no more. store_audit.py and the course ask
it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from hub.client import HubClient


class Excuses:
    """The losses of all devices, each asked for when something of it is missing."""

    def __init__(self, client: HubClient, left: Mapping[str, Sequence[Sequence[int]]]) -> None:
        self._client = client
        self._left = left  # device -> stretches of frames that are not acked
        self._losses: dict[str, tuple[list[dict[str, Any]], set[tuple[str, int]]]] = {}

    async def load(self, device: str) -> None:
        """Ask what a device has declared lost and what was refused of it. Raises HubError."""
        if device not in self._losses:
            said = await self._client.losses(device)
            gaps = [dict(gap) for gap in said["gaps"] if gap["from_us"] is not None and gap["to_us"] is not None]
            listed = [reading for reject in said["rejects"] for reading in reject.get("readings", ())]
            self._losses[device] = gaps, {(str(each["channel"]), each["time_us"]) for each in listed}

    def why(self, device: str, channel: str, number: int, time_us: int) -> str | None:
        """Return spooled, rejected or in_gaps, None where nothing excuses it; `load` comes first. A gap counts each reading once."""
        if any(first <= number < end for first, end in self._left.get(device, ())):
            return "spooled"
        gaps, rejected = self._losses[device]
        if (channel, time_us) in rejected:
            return "rejected"
        for gap in gaps:
            if gap["from_us"] <= time_us <= gap["to_us"] and gap["readings"] > 0:
                gap["readings"] -= 1
                return "in_gaps"
        return None
