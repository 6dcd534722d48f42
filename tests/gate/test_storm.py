"""The verdict on storms: what is promised of time and memory, and when the memory can be told at all."""

import pytest

from simulators.fleet.figures import FaultRecord
from simulators.fleet.report import Report
from tests.gate.storm import CUTS, FILL_ROWS, Seen, back_after_s, scenario_of, wrong_with

FULL = 95_000
CLEAN = Report("", "", "", "duckdb", "", 1, 0, 1.0, 1, 0, 1, [], {}, {}, {}, [], [])


@pytest.mark.parametrize("devices", [100, 1_000, 5_000])
def test_the_journals_newest_rows_fill_their_room_before_the_first_cut(devices: int) -> None:
    scenario = scenario_of("cut", devices, 0.5)
    filling = scenario.phases[0]
    assert filling.rate * 0.5 * devices * filling.for_s >= FILL_ROWS
    assert len(scenario.faults) == CUTS
    assert scenario.faults[0].at_s > filling.for_s


def test_a_tenth_of_time_or_memory_too_much_is_wrong() -> None:
    assert wrong_with("cut", Seen(9.9, 240, 263, FULL, FULL), CLEAN) == []
    assert wrong_with("cut", Seen(10.0, 240, 263, FULL, FULL), CLEAN) == ["not all stream again within 10 s"]
    assert wrong_with("restart", Seen(None, 240, 240), CLEAN) == ["not all stream again within 20 s"]
    assert wrong_with("cut", Seen(9.9, 240, 265, FULL, FULL), CLEAN) == ["its memory did not come back within 10 %"]


def test_memory_that_was_not_yet_full_of_rows_is_told_apart_from_what_a_storm_leaves() -> None:
    said = wrong_with("cut", Seen(9.9, 230, 255, 66_000, FULL), CLEAN)
    assert said == ["the machine was too busy to tell: rows were still filling its memory"]


def test_all_cuts_count_and_the_slowest_of_them() -> None:
    cuts = [FaultRecord(number, "storm", "devices", 70.0 + number, 70.5 + number, answers=[3.0 + number]) for number in range(CUTS)]
    assert back_after_s(cuts) == 5.0
    assert back_after_s(cuts[:2]) is None
    cuts[1].waiting = {0}
    assert back_after_s(cuts) is None
