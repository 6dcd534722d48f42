"""Looking back finds what the live rules raised on the same readings; buckets never find more than there was."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from devices.wire.messages import Kind
from hub.core.records import Buckets, Series
from hub.core.rules import Rule, rule_in
from hub.core.rules_absence import Absence
from hub.core.rules_batch import Batch
from hub.core.rules_course import Course
from hub.core.rules_past import Past
from tests.support.readings import columns_of

SECOND = 1_000_000
BEGIN_US = 1_700_000_000 * SECOND
LOOK_US = SECOND // 4  # as often as the live rules look at the time
TEMP = Series("pump", "temp", "Cel", Kind.GAUGE)
SAYS = Series("pump", "says", "", Kind.TEXT)

Said = list[tuple[int, Any]]  # at µs, value
# Whole seconds between readings, and half ones for durations: nothing happens at the very moment of something else.
GAPS = st.lists(st.integers(1, 9), min_size=1, max_size=40)
FOR_S = st.sampled_from([0.0, 0.5, 2.5, 6.5])


def rule_of(**body: Any) -> Rule:
    return rule_in("r", {"kind": "above", "limit": 10} | body)


def said_at(gaps: list[int], values: list[Any]) -> Said:
    times = BEGIN_US + np.cumsum([0, *gaps])[:-1] * SECOND
    return [(int(t_us), values[at % len(values)]) for at, t_us in enumerate(times)]


def live(rule: Rule, series: Series, said: Said, end_us: int) -> list[tuple[str, int]]:
    """Let each reading come at its own time and look at the time in between; return what was raised and cleared, and when."""
    course: Course | Absence = Course(rule, {}, (), 0.0) if rule.kind.is_of_readings else Absence(rule, ())
    events = [(t_us, value) for t_us, value in said] + [(t_us, None) for t_us in range(BEGIN_US + LOOK_US, end_us, LOOK_US)]
    told: list[tuple[str, int]] = []
    for t_us, value in sorted(events, key=lambda event: (event[0], event[1] is None)):
        now_s = (t_us - BEGIN_US) / 1e6
        if value is None:
            found = course.due(now_s)
            course.took(found)
        else:
            found = course.readings(Batch(columns_of([(series, t_us * 1_000, value)]), t_us), now_s)
            if isinstance(course, Absence) and t_us == BEGIN_US:
                course.presence("pump", "online", now_s)
        told += [("raised" if change.is_raised else "cleared", t_us) for change in found]
    return told


def back(rule: Rule, series: Series, said: Said, end_us: int) -> list[tuple[str, int]]:
    """Return what looking back finds."""
    past = Past(rule, end_us, 1_000)
    columns = columns_of([(series, t_us * 1_000, value) for t_us, value in said])
    if rule.kind.is_of_readings:
        run_out(past.readings(past.course(), (series.device, series.channel), columns))
    else:
        past.silences((series.device, ""), columns.t_ns // 1_000)
    assert past.count == len(past.newest())
    told = [("raised", each.raised_us) for each in past.newest()]
    return sorted(told + [("cleared", each.cleared_us) for each in past.newest() if each.cleared_us is not None], key=lambda each: each[1])


def run_out(parts: Iterator[None]) -> None:
    for _ in parts:
        pass


def is_the_same(found: list[tuple[str, int]], raised: list[tuple[str, int]]) -> bool:
    """Tell whether both are equal, but for how late the live rules may look at the time."""
    pairs = zip(found, raised, strict=False)
    return len(found) == len(raised) and all(a[0] == b[0] and 0 <= b[1] - a[1] <= LOOK_US for a, b in pairs)


@given(
    gaps=GAPS,
    values=st.lists(st.integers(-5, 25), min_size=1, max_size=40),
    kind=st.sampled_from(["above", "below", "rising", "falling"]),
    limit=st.sampled_from([10, 1]),
    hysteresis=st.integers(0, 5),
    for_s=FOR_S,
)
def test_of_numbers_it_finds_what_the_live_rules_raised(
    gaps: list[int], values: list[int], kind: str, limit: int, hysteresis: int, for_s: float
) -> None:
    rule = rule_of(kind=kind, limit=limit, hysteresis=hysteresis, for_s=for_s)
    said = said_at(gaps, values)
    end_us = said[-1][0] + 20 * SECOND
    assert is_the_same(back(rule, TEMP, said, end_us), live(rule, TEMP, said, end_us))


@given(gaps=GAPS, values=st.lists(st.sampled_from(["ok", "error 1", "an error"]), min_size=1, max_size=10), for_s=FOR_S)
def test_of_texts_it_finds_what_the_live_rules_raised(gaps: list[int], values: list[str], for_s: float) -> None:
    rule = rule_in("r", {"kind": "text", "text": "*error*", "for_s": for_s})
    said = said_at(gaps, values)
    end_us = said[-1][0] + 20 * SECOND
    assert is_the_same(back(rule, SAYS, said, end_us), live(rule, SAYS, said, end_us))


@given(gaps=GAPS, for_s=st.sampled_from([1.5, 3.5, 7.5]))
def test_of_silence_it_finds_what_the_live_rules_raised(gaps: list[int], for_s: float) -> None:
    rule = rule_in("r", {"kind": "no_data", "for_s": for_s})
    said = said_at(gaps, [1])
    end_us = said[-1][0] + 20 * SECOND
    assert is_the_same(back(rule, TEMP, said, end_us), live(rule, TEMP, said, end_us))


def buckets_of(said: Said, width_us: int) -> Buckets:
    groups: dict[int, list[tuple[int, float]]] = {}
    for t_us, value in said:
        groups.setdefault(t_us // width_us * width_us, []).append((t_us, float(value)))
    values = [[value for _, value in each] for each in groups.values()]
    return Buckets(
        width_us=width_us,
        start_us=np.array(list(groups), np.int64),
        min=np.array([min(each) for each in values]),
        max=np.array([max(each) for each in values]),
        sum=np.array([sum(each) for each in values]),
        count=np.array([len(each) for each in values], np.int64),
        last=[each[-1] for each in values],
        last_ns=np.array([each[-1][0] * 1_000 for each in groups.values()], np.int64),
    )


@given(
    gaps=GAPS,
    values=st.lists(st.integers(-5, 25), min_size=1, max_size=40),
    kind=st.sampled_from(["above", "below"]),
    hysteresis=st.integers(0, 5),
    for_s=st.sampled_from([0.0, 0.5, 6.5, 12.5]),
)
@example(gaps=[5] * 4, values=[0, 20, 20, 0], kind="above", hysteresis=0, for_s=0.0)  # one alert over two buckets, each of both values
@example(gaps=[5] * 4, values=[20, 0, 0, 20], kind="below", hysteresis=0, for_s=0.0)
def test_buckets_never_find_more_alerts_than_the_readings_in_them(
    gaps: list[int], values: list[int], kind: str, hysteresis: int, for_s: float
) -> None:
    rule = rule_of(kind=kind, hysteresis=hysteresis, for_s=for_s)
    said = said_at(gaps, values)
    end_us = said[-1][0] + SECOND // 4
    found, least = Past(rule, end_us, 1_000), Past(rule, end_us, 1_000)
    columns = columns_of([(TEMP, t_us * 1_000, value) for t_us, value in said])
    run_out(found.readings(found.course(), ("pump", "temp"), columns))
    run_out(least.buckets(least.course(), ("pump", "temp"), buckets_of(said, 10 * SECOND)))
    assert least.count <= found.count
    if not for_s:
        assert (least.count > 0) == (found.count > 0)  # a spike is seen at any width


def test_a_device_that_was_away_long_enough_is_found_and_one_still_away_stays_open() -> None:
    past = Past(rule_in("r", {"kind": "offline", "for_s": 60}), 1_000 * SECOND, 10)
    past.connections("pump", [(0, 100 * SECOND), (150 * SECOND, 200 * SECOND), (300 * SECOND, 900 * SECOND)], 0)
    told = [(each.raised_us // SECOND, each.cleared_us and each.cleared_us // SECOND) for each in past.newest()]
    assert told == [(960, None), (260, 300)]


def test_of_many_alerts_all_are_counted_and_the_newest_kept() -> None:
    past = Past(rule_of(), BEGIN_US + 10_000 * SECOND, 5)
    said = [(BEGIN_US + at * SECOND, 20 if at % 2 else 0) for at in range(100)]
    run_out(past.readings(past.course(), ("pump", "temp"), columns_of([(TEMP, t_us * 1_000, value) for t_us, value in said])))
    assert past.count == 50
    assert [each.raised_us for each in past.newest()] == [BEGIN_US + at * SECOND for at in (99, 97, 95, 93, 91)]
