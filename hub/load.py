"""What the hub has to do now, for who looks at it: frames a second, how soon they are durable, how far behind each follower is.

Owns what lies between two samples; counts nothing itself and must not know the parts (main.py gives it functions). /metrics has the
same as counts since the start, for who keeps history of them.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import trio

from hub.metrics import quantile_s
from hub.samples import Samples

OVER_S: Final = 10.0  # long enough for a p99 at ten frames a second, short enough that a burst is seen to end


class _Sample(NamedTuple):
    position: int
    durable: Sequence[int]


class Load:
    """Samples once a second. `durable` gives counts by metrics.BOUNDS_S, `position` the journal's end, `lags` frames by follower."""

    def __init__(self, durable: Callable[[], Sequence[int]], position: Callable[[], int], lags: Callable[[], Mapping[str, int]]) -> None:
        self._lags = lags
        self._samples = Samples(lambda: _Sample(position(), durable()), OVER_S)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Sample until cancelled."""
        await self._samples.run(task_status=task_status)

    def figures(self) -> dict[str, float | None]:
        """Return frames a second and how many each follower is behind, as `lag.follower`."""
        said = self.described()
        return {"frames": said["frames_per_s"]} | {f"lag.{name}": frames for name, frames in said["lag_frames"].items()}

    def described(self) -> dict[str, Any]:
        """Return what /api/v1/hub says: over how long, frames a second, the p99 in ms (None where none came), lags by follower."""
        over_s, before, now = self._samples.recent()
        counts = [after - earlier for after, earlier in zip(now.durable, before.durable, strict=True)]
        p99_s = quantile_s(counts, 0.99)
        return {
            "over_s": round(over_s, 1),
            "frames_per_s": round((now.position - before.position) / over_s, 1) if over_s else 0.0,
            "durable_p99_ms": None if p99_s is None else round(p99_s * 1e3, 1),
            "lag_frames": dict(self._lags()),
        }
