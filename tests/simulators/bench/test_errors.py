"""Numbers of a plan outside of their range are refused with the option's name and the range."""

import math

import pytest

from simulators.bench.errors import BenchError, check
from simulators.bench.fanout import FanoutPlan
from simulators.bench.flood import FloodPlan
from simulators.bench.idle import IdlePlan
from simulators.bench.ingest import IngestPlan
from simulators.bench.latency import LatencyPlan
from simulators.bench.pack import PackPlan


@pytest.mark.parametrize("value", [0, -1, 1e9, math.nan, math.inf, -math.inf])
def test_number_outside_of_its_range_is_refused(value: float) -> None:
    with pytest.raises(BenchError) as refused:
        check("--rate", value, 1, 200_000)
    assert refused.value.is_usage
    assert "--rate" in refused.value.message


@pytest.mark.parametrize("plan", [IngestPlan, FloodPlan, PackPlan, LatencyPlan, IdlePlan])
def test_plan_without_devices_is_refused(plan: type[IngestPlan]) -> None:
    with pytest.raises(BenchError, match="--devices 0 is outside"):
        plan(devices=0)


def test_fanout_without_viewers_is_refused() -> None:
    with pytest.raises(BenchError, match="--viewers 0 is outside"):
        FanoutPlan(viewers=0)


def test_usual_plans_are_allowed() -> None:
    for plan in (IngestPlan, FloodPlan, PackPlan, FanoutPlan, LatencyPlan, IdlePlan):
        plan()
