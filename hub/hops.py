"""How long a reading takes from hop to hop, over the last minute: device -> hub -> durable -> sent -> painted.

Owns what lies between two samples of the counts; measures and counts nothing itself (metrics.py has the counts since the start).
Read by the API and by the hub's own device; main.py runs it.
"""

from collections.abc import Mapping
from typing import Any, Final

import trio

from hub.metrics import Histogram, quantiles_ms
from hub.samples import Samples

OVER_S: Final = 60.0


class Hops:
    """Samples of histograms that count elsewhere."""

    def __init__(self, histograms: Mapping[str, Histogram]) -> None:
        self._samples = Samples(lambda: {hop: tuple(each.counts) for hop, each in histograms.items()}, OVER_S)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Sample until cancelled."""
        await self._samples.run(task_status=task_status)

    def recent(self) -> tuple[float, dict[str, list[int]]]:
        """Return over how many seconds, and what was counted in them by hop and metrics.BOUNDS_S."""
        over_s, before, now = self._samples.recent()
        return over_s, {hop: [a - b for a, b in zip(now[hop], before[hop], strict=True)] for hop in now}

    def figures(self) -> dict[str, float | None]:
        """Return p50 and p99 of each hop in ms, as `hop.p50`; None where nothing was counted."""
        told = {hop: quantiles_ms(counts) for hop, counts in self.recent()[1].items()}
        return {f"{hop}.{share}": each[f"{share}_ms"] for hop, each in told.items() for share in ("p50", "p99")}

    def described(self) -> dict[str, Any]:
        """Return what /api/v1/hub says."""
        over_s, counts = self.recent()
        return {"over_s": round(over_s, 1), "hops": [{"hop": hop} | quantiles_ms(each) for hop, each in counts.items()]}
