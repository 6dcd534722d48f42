"""Whether those who read suffer from those who do not, told by the runs without."""

import pytest

from simulators.bench.crowd import CrowdPlan, CrowdRuns, crowd_rows
from simulators.bench.errors import BenchError


@pytest.mark.parametrize(("with_ms", "met"), [(12.0, "final"), (15.0, "final"), (16.0, "none")])
def test_others_do_not_suffer_within_the_runs_without(with_ms: float, met: str) -> None:
    rows = crowd_rows(CrowdRuns(with_ms=[with_ms], without_ms=[10.0, 11.0, 15.0], grown_mb=[1.0], spikes_found=[1.0]))
    assert rows[0].met == met


def test_somebody_must_read() -> None:
    with pytest.raises(BenchError, match="--crowd 101 is outside"):
        CrowdPlan(viewers=101)
