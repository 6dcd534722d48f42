"""The benchmark of the page: its limits, and that it really scrolls a page whose devices send."""

import pytest

from simulators.bench.errors import BenchError
from simulators.bench.scrolling import PagePlan, run


@pytest.mark.parametrize("wrong", [{"devices": 3}, {"devices": 5_000}, {"frames_per_s": 0}, {"runs": 0}])
def test_a_load_that_says_nothing_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(BenchError):
        PagePlan(**wrong)


@pytest.mark.slow
@pytest.mark.needs_server("chromium")
async def test_a_small_page_is_scrolled_beside_an_empty_one() -> None:
    said: list[str] = []
    longest, p99, task = await run(PagePlan(devices=60, frames_per_s=60, runs=1, settle_s=0.1), said.append)
    assert 0 < p99.value <= longest.value
    assert longest.ratio is not None
    assert task.value > 0
    assert task.ratio is not None
    assert "frames, longest gap" in said[0]
