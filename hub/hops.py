"""How long a reading takes from hop to hop, over the last minute: device -> hub -> durable -> sent -> painted.

Owns samples of the counts, one a second, so that nothing grows; measures and counts nothing itself (metrics.py has the counts since the
start). Read by the API and by the hub's own device; main.py runs it.
"""

from collections import deque
from collections.abc import Mapping
from typing import Any, Final

import trio

from hub.metrics import Histogram, quantiles_ms

OVER_S: Final = 60.0
_PERIOD_S: Final = 1.0
_Sample = tuple[float, Mapping[str, tuple[int, ...]]]  # monotonic, counts by hop


class Hops:
    """Samples of histograms that count elsewhere."""

    def __init__(self, histograms: Mapping[str, Histogram]) -> None:
        self._histograms = histograms
        self._samples: deque[_Sample] = deque(maxlen=int(OVER_S / _PERIOD_S))

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Sample until cancelled."""
        self._samples.append(self._sample())
        task_status.started()
        while True:
            await trio.sleep(_PERIOD_S)
            self._samples.append(self._sample())

    def _sample(self) -> _Sample:
        return trio.current_time(), {hop: tuple(each.counts) for hop, each in self._histograms.items()}

    def recent(self) -> tuple[float, dict[str, list[int]]]:
        """Return over how many seconds, and what was counted in them by hop and metrics.BOUNDS_S."""
        now_s, now = self._sample()
        before_s, before = self._samples[0] if self._samples else (now_s, now)
        return now_s - before_s, {hop: [a - b for a, b in zip(now[hop], before[hop], strict=True)] for hop in now}

    def figures(self) -> dict[str, float | None]:
        """Return p50 and p99 of each hop in ms, as `hop.p50`; None where nothing was counted."""
        told = {hop: quantiles_ms(counts) for hop, counts in self.recent()[1].items()}
        return {f"{hop}.{share}": each[f"{share}_ms"] for hop, each in told.items() for share in ("p50", "p99")}

    def described(self) -> dict[str, Any]:
        """Return what /api/v1/hub says."""
        over_s, counts = self.recent()
        return {"over_s": round(over_s, 1), "hops": [{"hop": hop} | quantiles_ms(each) for hop, each in counts.items()]}
