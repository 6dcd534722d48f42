"""The soak of the page: its limits, and that it really looks at a page that is drawn."""

import pytest

from simulators.bench.errors import BenchError
from simulators.bench.soaking import MIN_LOOKS, SoakPlan, rows_of, run


@pytest.mark.parametrize("seconds", [0, -1, 1e9])
def test_a_soak_that_says_nothing_is_refused(seconds: float) -> None:
    with pytest.raises(BenchError):
        SoakPlan(seconds)


def test_a_page_that_grows_by_a_megabyte_an_hour_is_told_so() -> None:
    looks = [{"at_s": 60.0 * at, "heap_kb": 9_000 + 1024 * at / 60, "nodes": 700.0, "listeners": 50.0} for at in range(30)]
    heap, nodes, listeners = rows_of(SoakPlan(1_800), looks)
    assert (heap.value, heap.unit, heap.met, heap.ratio) == (1024, "KB/h", "none", None)
    assert (nodes.value, listeners.value) == (0, 0)


def test_a_page_whose_growth_is_not_sure_meets_no_target() -> None:
    looks = [{"at_s": 60.0 * at, "heap_kb": 9_000.0 + 500 * (at % 2), "nodes": 700.0, "listeners": 50.0} for at in range(12)]
    heap, *_ = rows_of(SoakPlan(1_800), looks)
    assert abs(heap.value) < 1_000 < heap.spread["ours"][1]
    assert heap.met == "none"


@pytest.mark.slow
@pytest.mark.needs_server("chromium")
async def test_a_short_soak_looks_at_a_page_that_goes_on() -> None:
    said: list[str] = []
    heap, nodes, _ = await run(SoakPlan(10, past_s=20), said.append)
    assert heap.spread["ours"][0] <= heap.value <= heap.spread["ours"][1]
    assert nodes.unit == "1/h"
    assert len(said) >= MIN_LOOKS
    assert sum(" 0 charts drawn" in line for line in said) < MIN_LOOKS / 2
