"""Read every reading of a device back through the hub's API, with the gaps and rejects it has on record.

Owns the paging; judges nothing. Called by simulators/crash/__main__.py after a scene has drained.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import trio

from hub.client import HubClient
from simulators.crash.ledger import Made
from simulators.crash.verdict import DeclaredGap, Found, Verdict, judge
from simulators.crash.worker import BURST, CHANNELS

PAGE_POINTS = 20_000
SETTLE_TIMEOUT_S = 60.0  # for the store to catch up with the journal
MARGIN_US = 60_000_000  # looked at beyond the times made, for readings that were never made


async def points_of(client: HubClient, device: str, channel: str, from_us: int, to_us: int) -> list[tuple[int, int]]:
    """Return (time, value) of every stored point of [from_us, to_us); halves the range while an answer is cut short."""
    answer = await client.query(device, [channel], from_us=from_us, to_us=to_us, width="raw", limit=PAGE_POINTS)
    if answer["truncated"] and to_us - from_us > 1:
        middle = (from_us + to_us) // 2
        return await points_of(client, device, channel, from_us, middle) + await points_of(client, device, channel, middle, to_us)
    return [(int(time_us), int(value)) for series in answer["series"] for time_us, _, value in series["points"]]


async def found_of(client: HubClient, device: str, channels: Iterable[str], made: Made) -> Found:
    """Return where the hub says the readings of a device are."""
    begin, end = min(made.time_us.values(), default=0) - MARGIN_US, made.end_us + MARGIN_US
    stored = {channel: await points_of(client, device, channel, begin, end) for channel in channels}
    losses = await client.losses(device)
    return Found(stored, _gaps(losses["gaps"]))


def _gaps(said: Sequence[Mapping[str, Any]]) -> list[DeclaredGap]:
    return [
        DeclaredGap(int(gap["readings"]), int(gap["from_us"]), int(gap["to_us"]), str(gap["reason"]))
        for gap in said
        if gap["from_us"] is not None and gap["to_us"] is not None
    ]


async def judge_device(client: HubClient, device: str, made: Made, *, has_packs: bool = True) -> Verdict:
    """Compare one device; where something is missing, read again until the store has had time to catch up."""
    deadline = trio.current_time() + SETTLE_TIMEOUT_S
    expected = dict.fromkeys(CHANNELS, made) | ({BURST: made.unpacked()} if has_packs else {})
    while True:
        verdict = judge(device, expected, await found_of(client, device, expected, made))
        if not verdict.differences or trio.current_time() > deadline:
            return verdict
        await trio.sleep(0.5)
