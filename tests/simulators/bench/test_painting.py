"""The benchmark of painting: its limits, and that it really watches charts whose devices send."""

import pytest

from simulators.bench.errors import BenchError
from simulators.bench.painting import PACES, PaintingPlan, run


@pytest.mark.parametrize("wrong", [{"seconds": 0}, {"runs": 0}, {"load_frames_per_s": -1}])
def test_a_course_that_says_nothing_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(BenchError):
        PaintingPlan(**wrong)


@pytest.mark.slow
@pytest.mark.needs_server("chromium")
async def test_a_short_course_gives_every_row_beside_its_floor() -> None:
    rows = await run(PaintingPlan(seconds=1, runs=1, load_frames_per_s=20, settle_s=0.1, past_s=20), lambda line: None)
    busy = [row for row in rows if "main thread busy" in row.name]
    assert len(busy) == len(PACES)
    assert all(row.value > 0 and row.ratio and row.met for row in busy)
    assert all(row.value > 0 for row in rows if "redraws" in row.name)
    p50, p99 = (row for row in rows if "device to paint" in row.name)
    assert p50.floor is not None
    assert p50.floor < p50.value <= p99.value
