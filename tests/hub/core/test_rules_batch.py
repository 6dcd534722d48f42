"""What all rules share of a batch changes no judgment: each rule finds what it finds in the readings of each series alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.wire.messages import Kind
from hub.core.records import Columns, Series
from hub.core.rules import rule_in
from hub.core.rules_batch import Batch, LastHeard, Listening
from hub.core.rules_course import Change, Course
from hub.core.selector import Selector

NOW_US = 1_700_000_000_000_000
SERIES = [Series(device, channel, "Cel", Kind.GAUGE) for device in ("fan", "pump") for channel in ("temp", "wet")]
# of which series, how many seconds old, which value
Reading = tuple[int, int, float]
readings = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 90), st.sampled_from([-20.0, 0.0, 9.0, 11.0, np.nan])), max_size=20)


def columns(found: list[Reading]) -> Columns:
    place = np.array([each[0] for each in found], np.int32)
    t_ns = np.array([(NOW_US - each[1] * 1_000_000) * 1_000 for each in found], np.int64)
    return Columns(SERIES, place, t_ns, np.array([each[2] for each in found], np.float64))


def changes(body: dict[str, object], batches: list[list[Reading]]) -> list[Change]:
    course = Course(rule_in("r", body), {}, (), 0.0)
    return [change for found in batches for change in course.readings(Batch(columns(found), NOW_US), 0.0)]


@given(
    st.lists(readings, max_size=4),
    st.sampled_from(["above", "below", "rising", "falling"]),
    st.sampled_from(
        [{}, {"devices": ["pump"]}, {"channels": ["wet", "dry"]}, {"devices": ["none"]}, {"devices": ["fan"], "channels": ["temp"]}]
    ),
)
def test_a_batch_of_all_series_is_judged_as_each_series_alone(batches: list[list[Reading]], kind: str, chosen: dict[str, object]) -> None:
    body = {"kind": kind, "limit": 10 if kind == "above" else -10 if kind == "below" else 1, "hysteresis": 1, "late_s": 60, **chosen}
    together = changes(body, batches)
    alone = [change for place in range(4) for change in changes(body, [[each for each in found if each[0] == place] for found in batches])]
    assert sorted(map(repr, together)) == sorted(map(repr, alone))


@given(readings)
def test_what_was_heard_is_the_newest_reading_that_is_not_late(found: list[Reading]) -> None:
    batch = Batch(columns(found), NOW_US)
    for place, series in enumerate(SERIES):
        fresh = [NOW_US - age_s * 1_000_000 for at, age_s, _ in found if at == place and age_s <= 60]
        assert batch.heard(60, series.channel).get((series.device, series.channel)) == max(fresh, default=None)
    for device in ("fan", "pump"):
        fresh = [NOW_US - age_s * 1_000_000 for at, age_s, _ in found if SERIES[at].device == device and age_s <= 60]
        assert batch.heard(60, "").get((device, "")) == max(fresh, default=None)
    assert batch.heard(60, "dry") == {}


@given(readings)
def test_the_readings_of_a_series_come_in_the_order_of_time_without_late_ones(found: list[Reading]) -> None:
    batch = Batch(columns(found), NOW_US)
    for place in range(4):
        ages_s = [found[at][1] for at in batch.readings(place, 60).tolist()]
        assert ages_s == sorted([age_s for at, age_s, _ in found if at == place and age_s <= 60], reverse=True)


def test_bounds_are_those_of_the_numbers_of_a_channel() -> None:
    batch = Batch(columns([(0, 0, 3.0), (2, 0, -1.0), (0, 99, np.nan)]), NOW_US)
    assert batch.bounds["temp"] == (-1.0, 3.0)
    assert np.isnan(batch.bounds["wet"]).all()
    assert list(batch.devices.numbers) == ["fan", "pump"]


@pytest.mark.parametrize(("key", "expected"), [(("pump", "wet"), [3]), (("pump", "dry"), []), (("none", "wet"), [])])
def test_a_key_has_the_places_of_its_series(key: tuple[str, str], expected: list[int]) -> None:
    assert list(Batch(columns([]), NOW_US).of_key(key)) == expected


@pytest.mark.parametrize(
    ("devices", "channels", "expected"),
    [(None, ["temp", "wet"], [0, 2, 1, 3]), (["pump"], ["temp"], [2]), (["none"], ["temp"], []), (None, ["x"], [])],
)
def test_wanted_are_the_series_that_a_selector_means(devices: list[str] | None, channels: list[str], expected: list[int]) -> None:
    selector = Selector(None if devices is None else frozenset(devices), frozenset(channels))
    assert Batch(columns([]), NOW_US).wanted(selector, channels).tolist() == expected


def test_rules_of_the_same_share_when_devices_were_heard_and_forget_them_together() -> None:
    listening = Listening()
    last = listening.to(60, "")
    assert listening.to(60, "") is last
    assert listening.to(60, "temp") is not last
    assert listening.to(5, "") is not last
    last.hear({("pump", ""): NOW_US, ("fan", ""): NOW_US}, 3.0)
    listening.forget("pump")
    listening.forget("stranger")
    assert last.times_s == {("fan", ""): 3.0}


def test_a_batch_that_each_rule_brings_once_more_is_noted_once() -> None:
    last, heard = LastHeard(), {("pump", ""): NOW_US}
    last.hear(heard, 3.0)
    last.hear(heard, 4.0)
    assert last.times_s == {("pump", ""): 3.0}
