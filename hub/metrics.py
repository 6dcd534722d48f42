"""What the hub counts and how it is told to Prometheus: delays, rejections, how late its event loop is, and the figures of its parts.

Owns the counts and the text of /metrics; must not know what the parts are (main.py gives it functions). Device sessions count here
for every frame, so a histogram is a plain list and one bisection.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from time import perf_counter
from typing import Final

import trio
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from hub.core.records import Row

# From a device in the same room to one that waits for a full disk; steps of about 1.6 keep a quantile within a quarter.
BOUNDS_S: Final = (
    0.0001, 0.00016, 0.00025, 0.0004, 0.00063, 0.001, 0.0016, 0.0025, 0.004, 0.0063, 0.01, 0.016, 0.025, 0.04, 0.063,
    0.1, 0.16, 0.25, 0.4, 0.63, 1.0, 1.6, 2.5, 4.0, 6.3, 10.0, 16.0, 25.0, 40.0, 60.0,
)  # fmt: skip

_SHARES: Final = {"p50_ms": 0.5, "p95_ms": 0.95, "p99_ms": 0.99}
HOPS: Final = ("device_to_hub", "hub_to_durable", "durable_to_sent", "sent_to_painted")

_LOOK_EVERY_S: Final = 0.01  # costs a quarter of a percent of a core, and sees every stall that is longer

Figures = Callable[[], Mapping[str, float]]


class Histogram:
    """Counts of observed seconds by upper bound."""

    def __init__(self, name: str, meaning: str) -> None:
        self.name = name
        self.meaning = meaning
        self.counts = [0] * (len(BOUNDS_S) + 1)
        self.sum_s = 0.0

    def observe(self, seconds: float) -> None:
        """Count one observation."""
        self.counts[bisect_left(BOUNDS_S, seconds)] += 1
        self.sum_s += seconds

    def observe_times(self, seconds: float, times: int) -> None:
        """Count the same observation several times."""
        self.counts[bisect_left(BOUNDS_S, seconds)] += times
        self.sum_s += seconds * times

    def family(self) -> HistogramMetricFamily:
        """Return it as Prometheus wants it."""
        return HistogramMetricFamily(self.name, self.meaning, buckets=self.buckets(), sum_value=self.sum_s)

    def buckets(self) -> list[tuple[str, float]]:
        """Return cumulative counts by upper bound."""
        return list(zip([*map(str, BOUNDS_S), "+Inf"], accumulate(self.counts), strict=True))


def quantile_s(counts: Sequence[int], share: float) -> float | None:
    """Return the quantile of what was counted by BOUNDS_S, interpolated within its bucket, in seconds; None where nothing was.

    The last bound where it lies above all of them.
    """
    wanted, below = sum(counts) * share, 0
    if not wanted:
        return None
    for low, bound, count in zip((0.0, *BOUNDS_S), BOUNDS_S, counts, strict=False):
        if below + count >= wanted:
            return low + (bound - low) * (wanted - below) / count
        below += count
    return BOUNDS_S[-1]


def quantiles_ms(counts: Sequence[int]) -> dict[str, float | int | None]:
    """Return how many were counted and p50, p95, p99 in ms; None where nothing was."""
    found = {name: quantile_s(counts, share) for name, share in _SHARES.items()}
    return {"count": sum(counts)} | {name: None if each is None else round(each * 1e3, 2) for name, each in found.items()}


class LoopLateness:
    """How late the event loop wakes a task that is due: what everything else in the hub waits for besides its own work."""

    def __init__(self) -> None:
        self._late = Histogram("tributary_event_loop_late_seconds", "How late the event loop runs a task that is due.")
        self._worst_s = 0.0
        self.ran_s = perf_counter()  # when the loop was last seen running

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Look a hundred times a second until cancelled."""
        task_status.started()
        while True:
            due_s = trio.current_time() + _LOOK_EVERY_S
            await trio.sleep_until(due_s)
            self.ran_s = perf_counter()
            late_s = trio.current_time() - due_s
            self._late.observe(late_s)
            self._worst_s = max(self._worst_s, late_s)

    def families(self) -> Iterator[Metric]:
        """Return the histogram, and the worst since this was asked last."""
        worst_s, self._worst_s = self._worst_s, 0.0
        yield self._late.family()
        meaning = "The latest that the event loop ran a task since these figures were asked for last."
        yield GaugeMetricFamily("tributary_event_loop_worst_late_seconds", meaning, value=worst_s)


class Metrics(Collector):
    """All figures of one hub; the device sessions' IngestMetrics."""

    def __init__(self) -> None:
        self.receive_to_durable = Histogram(
            "tributary_receive_to_durable_seconds", "From the receipt of a frame to its commit in the journal."
        )
        self._acked = Histogram("tributary_receive_to_ack_seconds", "From the receipt of a frame to its ack handed to the connection.")
        self.durable: Callable[[float], None] = self.receive_to_durable.observe  # called for each frame: no call more than that
        self.acked: Callable[[float], None] = self._acked.observe
        # The hops of a reading, in their order. (Their own names are told nowhere: they are one family.)
        came, sent, painted = (Histogram(name, "") for name in ("device_to_hub", "durable_to_sent", "sent_to_painted"))
        each = (came, self.receive_to_durable, sent, painted)
        self.hops: dict[str, Histogram] = dict(zip(HOPS, each, strict=True))
        self.came: Callable[[float], None] = came.observe  # a live frame: from its newest reading to its arrival
        self.sent: Callable[[float, int], None] = sent.observe_times  # an update to so many viewers: by the oldest commit in it
        self.painted: Callable[[float], None] = painted.observe  # what a viewer reported
        self.backfill_frames = 0
        self.round_trip = Histogram("tributary_ping_round_trip_seconds", "From a ping to its answer, of devices and viewers.")
        self._rejected: Counter[str] = Counter()
        self._ended: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()
        self.loop = LoopLateness()
        self._parts: dict[str, Figures] = {}
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def durable_counts(self) -> Sequence[int]:
        """Return how many frames were durable within each of BOUNDS_S, ever."""
        return tuple(self.receive_to_durable.counts)

    def count_commit(self, now: Callable[[], int], rows: Sequence[Row]) -> None:
        """Count from arrival to commit where acks, and with them `durable`, wait for the store: called at each commit."""
        if self.hops["hub_to_durable"] is self.receive_to_durable:
            self.hops["hub_to_durable"] = Histogram("hub_to_durable", "")
        count, now_us = self.hops["hub_to_durable"].observe, now()
        for row in rows:
            count((now_us - row.arrived_us) / 1e6)

    def late(self) -> None:
        """Count a frame that waited in its device while there was no connection: no hop of a live one."""
        self.backfill_frames += 1

    def rejected(self, code: str) -> None:
        """Count a rejection by its code."""
        self._rejected[code] += 1

    def ended(self, code: str) -> None:
        """Count the end of a device's connection by the name of its code."""
        self._ended[code] += 1

    def refused(self, code: str) -> None:
        """Count a request that was refused by its code."""
        self._refused[code] += 1

    def add_part(self, name: str, figures: Figures) -> None:
        """Show a part's figures as tributary_<name>_<figure>, read each time somebody asks."""
        self._parts[name] = figures

    def collect(self) -> Iterator[Metric]:
        """Return everything, for prometheus_client."""
        yield self.receive_to_durable.family()
        yield self._acked.family()
        yield self.round_trip.family()
        yield from self.loop.families()
        yield self._hop_family()
        yield CounterMetricFamily(
            "tributary_backfill_frames", "Frames that waited in their device for a connection.", value=self.backfill_frames
        )
        yield _by_code("tributary_rejected_frames", "Frames with a rejection, by its code.", self._rejected)
        yield _by_code("tributary_refused_requests", "Requests that were refused, by the code of the answer.", self._refused)
        yield _by_code("tributary_device_connections_ended", "Connections of devices that ended, by their close code.", self._ended)
        yield from self._gauges()

    def _hop_family(self) -> HistogramMetricFamily:
        family = HistogramMetricFamily("tributary_hop_seconds", "How long readings took for each hop of their way.", labels=["hop"])
        for hop, histogram in self.hops.items():
            family.add_metric([hop], buckets=histogram.buckets(), sum_value=histogram.sum_s)
        return family

    def _gauges(self) -> Iterable[Metric]:
        for part, figures in self._parts.items():
            for name, value in figures().items():
                yield GaugeMetricFamily(f"tributary_{part}_{name}", f"{name.replace('_', ' ')} of the {part}.".capitalize(), value=value)

    def text(self) -> bytes:
        """Return the answer of /metrics in the Prometheus text format."""
        return generate_latest(self._registry)


def _by_code(name: str, meaning: str, counts: Mapping[str, int]) -> CounterMetricFamily:
    family = CounterMetricFamily(name, meaning, labels=["code"])
    for code, count in sorted(counts.items()):
        family.add_metric([code], count)
    return family
