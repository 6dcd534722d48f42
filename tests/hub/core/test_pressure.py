"""Load is shed in a stated order, and each step is left only when it is over for a while."""

import pytest

from hub.core.errors import Refusal
from hub.core.pressure import CALM_S, Level, Pressure


def judged(pressure: Pressure, now_s: float, **measures: float) -> Level:
    pressure.judge({"memory": 0.0, "late_s": 0.0, "uncommitted": 0.0} | measures, now_s)
    return pressure.level


@pytest.mark.parametrize(
    ("measures", "level"),
    [
        ({"memory": 0.79, "late_s": 0.4, "uncommitted": 0.4}, Level.CALM),
        ({"memory": 0.80}, Level.SLOWER),
        ({"memory": 0.88}, Level.NO_VIEWERS),
        ({"memory": 0.94}, Level.NO_DEVICES),
        ({"late_s": 0.5}, Level.SLOWER),
        ({"late_s": 1.2}, Level.NO_VIEWERS),
        ({"late_s": 3.0}, Level.NO_DEVICES),
        ({"uncommitted": 0.5, "late_s": 1.0}, Level.NO_VIEWERS),
        ({"uncommitted": 0.95}, Level.NO_DEVICES),
    ],
)
def test_each_measure_has_its_steps_and_the_worst_counts(measures: dict[str, float], level: Level) -> None:
    assert judged(Pressure(), 0.0, **measures) is level


def test_viewers_are_slowed_first_then_new_viewers_refused_then_new_devices() -> None:
    pressure, seen = Pressure(), []
    for at, memory in enumerate((0.5, 0.81, 0.89, 0.95)):
        judged(pressure, float(at), memory=memory)
        seen.append((pressure.rest_s() > 0, pressure.refuses("viewer") is not None, pressure.refuses("device") is not None))
    assert seen == [(False, False, False), (True, False, False), (True, True, False), (True, True, True)]


def test_who_is_refused_hears_503_with_the_reason_and_is_counted() -> None:
    pressure = Pressure()
    pressure.check("viewer")
    judged(pressure, 0.0, memory=0.9)
    pressure.check("device")
    with pytest.raises(Refusal) as refused:
        pressure.check("viewer")
    assert (refused.value.status, refused.value.code) == (503, "busy")
    assert refused.value.message == "the hub is hard pressed: 90% of the memory that it may use is used"
    assert pressure.refused == {"viewer": 1, "device": 0}
    said = "The hub is hard pressed (90% of the memory that it may use is used): pages are told less often, and no new ones are let in."
    assert pressure.notes() == pressure.unready() == [said]


def test_a_level_is_left_one_step_at_a_time_once_the_measure_is_well_below_for_a_while() -> None:
    pressure = Pressure()
    assert judged(pressure, 0.0, memory=0.95) is Level.NO_DEVICES
    assert judged(pressure, 100.0, memory=0.93) is Level.NO_DEVICES  # not well below
    assert judged(pressure, 100.0 + CALM_S - 0.1, memory=0.5) is Level.NO_DEVICES
    assert judged(pressure, 100.0 + CALM_S, memory=0.5) is Level.NO_VIEWERS
    assert judged(pressure, 100.0 + CALM_S + 0.5, memory=0.5) is Level.NO_VIEWERS
    assert judged(pressure, 100.0 + 2 * CALM_S, memory=0.5) is Level.SLOWER
    assert judged(pressure, 100.0 + 3 * CALM_S, memory=0.5) is Level.CALM
    assert pressure.notes() == []


def test_a_measure_that_comes_and_goes_does_not_make_the_level_flutter() -> None:
    pressure = Pressure()
    levels = {judged(pressure, float(at), late_s=1.2 if at % 3 == 0 else 0.1) for at in range(1, 60)}
    assert levels - {Level.CALM} == {Level.NO_VIEWERS}
