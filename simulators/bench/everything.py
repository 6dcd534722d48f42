"""`tributary bench all`: every benchmark, one after another, with its usual load.

Owns the order and nothing else; a benchmark that fails is told and the others go on.
"""

from collections.abc import Callable
from dataclasses import dataclass

from simulators.bench import fanout, flood, idle, ingest, latency, pack, store
from simulators.bench.course import Say, run_bench
from simulators.bench.crowd import CrowdPlan
from simulators.bench.errors import BenchError
from simulators.bench.peers import comparing
from simulators.bench.report import BenchRow
from simulators.bench.store_plan import StorePlan


@dataclass(frozen=True, slots=True)
class EverythingPlan:
    """How often each pair is measured."""

    pairs: int = 3


def run(plan: EverythingPlan, say: Say) -> list[BenchRow]:
    """Measure everything; raises BenchError where nothing could be measured, KeyboardInterrupt at a signal."""
    works: list[Callable[[], list[BenchRow]]] = [
        lambda: run_bench(ingest.run, ingest.IngestPlan(pairs=plan.pairs), say),
        lambda: run_bench(ingest.run, ingest.IngestPlan(pairs=plan.pairs, is_encrypted=True), say),
        lambda: run_bench(flood.run, flood.FloodPlan(pairs=plan.pairs), say),
        lambda: run_bench(pack.run, pack.PackPlan(pairs=plan.pairs), say),
        lambda: run_bench(fanout.run, fanout.FanoutPlan(pairs=plan.pairs, crowd=CrowdPlan(pairs=plan.pairs)), say),
        lambda: run_bench(fanout.run, fanout.FanoutPlan(pairs=plan.pairs, is_encrypted=True), say),
        lambda: run_bench(latency.run, latency.LatencyPlan(pairs=plan.pairs), say),
        lambda: run_bench(store.run, StorePlan(), say),
        lambda: run_bench(comparing.run, comparing.PeersPlan(pairs=plan.pairs), say),
        lambda: run_bench(idle.run, idle.IdlePlan(pairs=plan.pairs), say),
    ]
    rows: list[BenchRow] = []
    failures: list[BenchError] = []
    for work in works:
        try:
            rows += work()
        except BenchError as error:
            if error.is_usage:
                raise
            failures.append(error)
            say(f"failed: {error.message}; {error.hint}")
    if not rows:
        raise failures[0]
    return rows
