"""CPU of a process tree and quantiles between two readings of a histogram."""

import math
import os
import time

import pytest

from simulators.bench.accounting import cpu_s, gauge_of, histogram_of, memory_of, quantile_between

METRICS = """# TYPE delay_seconds histogram
delay_seconds_bucket{le="0.001"} 10
delay_seconds_bucket{le="0.01"} 30
delay_seconds_bucket{le="+Inf"} 40
other_bucket{le="0.001"} 7
"""


def test_histogram_is_read_by_its_name() -> None:
    assert histogram_of(METRICS, "delay_seconds") == {0.001: 10, 0.01: 30, math.inf: 40}


def test_quantile_is_of_what_came_between() -> None:
    before, after = {0.001: 10.0, 0.01: 30.0, math.inf: 40.0}, {0.001: 10.0, 0.01: 130.0, math.inf: 140.0}
    assert quantile_between(before, after, 0.5) == pytest.approx(0.0055)
    assert math.isnan(quantile_between(after, after, 0.5))


def test_quantile_above_all_bounds_is_the_last_bound() -> None:
    assert quantile_between({}, {0.001: 0.0, math.inf: 5.0}, 0.99) == 0.001


def test_cpu_of_this_process_grows_with_work() -> None:
    before, end = cpu_s(os.getpid()), time.process_time() + 0.1
    while time.process_time() < end:
        pass
    assert cpu_s(os.getpid()) - before >= 0.05


def test_gauge_is_found_by_its_whole_name() -> None:
    metrics = "# HELP journal_rows rows\njournal_rows_total 5\njournal_rows 7.5\n"
    assert gauge_of(metrics, "journal_rows") == 7.5
    with pytest.raises(KeyError):
        gauge_of(metrics, "journal")


def test_memory_of_this_process_is_made_of_its_own_and_its_share() -> None:
    memory = memory_of(os.getpid())
    assert 0 < memory.uss <= memory.pss <= memory.rss
