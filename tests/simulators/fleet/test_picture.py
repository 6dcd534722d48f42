"""What a viewer was told, compared as it comes: by the rules of protocol section 12."""

from typing import Any

from simulators.fleet.expected import Expected
from simulators.fleet.picture import Picture, Series
from simulators.fleet.schedule import Schedule
from simulators.sensors.plan import plan_of

BEGIN_US = 1_800_000_000_000_000
SENSOR = plan_of([{"name": "air", "kind": "temperature"}]).sensor(1, "d1")
SCHEDULE = Schedule(BEGIN_US, [(20.0, 1.0)], 0.0)
MADE = {"d1": [[0, 10]]}


def picture() -> Picture:
    return Picture({("d1", "air"): Series(SCHEDULE, Expected(SENSOR, SCHEDULE, "air"))})


def column(*numbers: int, key: int = 0, more: float = 0.0) -> dict[str, Any]:
    times = [SCHEDULE.time_us(number) for number in numbers]
    values = [float(str(SENSOR.value("air", at))) + more for at in times]
    return {"s": 4, "w": 0, "t": times, "n": [key] * len(times), "v": values}


def bucket(first: int, **more: Any) -> dict[str, Any]:
    """Return one of two seconds, from a frame on."""
    values = [float(str(SENSOR.value("air", SCHEDULE.time_us(number)))) for number in (first, first + 1)]
    said = {"count": 2, "min": min(values), "max": max(values)} | more
    return {"s": 4, "w": 2_000_000, "t": [SCHEDULE.time_us(first)], **{key: [value] for key, value in said.items()}}


def message(op: str, *columns: dict[str, Any], **more: Any) -> dict[str, Any]:
    series = [{"s": 4, "device": "d1", "channel": "air"}] if op == "snapshot" else []
    return {"op": op, "from": "c", "to": "c", "from_us": BEGIN_US - 10**9, "series": series, "data": list(columns), **more}


def lacking(shown: Picture) -> list[int | None]:
    return [each.number for each in shown.missing(MADE, 0)]


def test_what_snapshot_and_updates_told_is_not_missing() -> None:
    shown = picture()
    assert shown.take(message("snapshot", column(0, 1))) == [SCHEDULE.time_us(0), SCHEDULE.time_us(1)]
    assert shown.cursor == "c"
    assert shown.take(message("update", column(2), more=True)) is None
    assert shown.take(message("update", column(2, 3, 4))) == [SCHEDULE.time_us(number) for number in (2, 3, 4)]
    assert lacking(shown) == [5, 6, 7, 8, 9]
    assert shown.wrong == []
    assert shown.shown() == (5, 0)


def test_readings_of_a_clock_that_was_set_back_are_told_apart_from_those_before() -> None:
    schedule = Schedule(BEGIN_US, [(20.0, 1.0)], 0.0, [(5_000_000, -3_000, 0)])
    shown = Picture({("d1", "air"): Series(schedule, Expected(SENSOR, schedule, "air"))})
    numbers = [*range(9)]
    values = [float(str(SENSOR.value("air", schedule.time_us(number)))) for number in numbers]
    stamps_us = [schedule.stamp_us(number) for number in numbers]
    told = {"s": 4, "w": 0, "t": stamps_us, "n": [0] * 9, "v": values}
    assert shown.take(message("snapshot", told)) == [schedule.time_us(number) for number in numbers]
    assert (lacking(shown), shown.wrong) == ([9], [])
    shown.take(message("snapshot", told | {"t": [at // 1_000 * 1_000 for at in stamps_us[:8:7]], "v": values[:8:7], "n": [0, 0]}))
    assert [each.kind for each in shown.wrong] == ["changed"]  # where stamps have no µs, the first of two in a ms is meant


def test_readings_that_the_hub_must_reject_are_not_missed() -> None:
    schedule = Schedule(BEGIN_US, [(20.0, 1.0)], 0.0, [(5_000_000, 90_000_000, 0), (8_000_000, 0, 0)])
    shown = Picture({("d1", "air"): Series(schedule, Expected(SENSOR, schedule, "air"))})
    assert lacking(shown) == [0, 1, 2, 3, 4, 8, 9]


def test_parts_of_a_message_that_a_cut_left_incomplete_count_for_nothing() -> None:
    shown = picture()
    shown.take(message("snapshot", column(0, 1), more=True))
    shown.lost()
    assert lacking(shown) == list(range(10))


def test_a_wrong_value_a_doubled_and_an_invented_reading_are_named() -> None:
    shown = picture()
    shown.take(message("snapshot", column(0, 1)))
    shown.take(message("update", column(2, more=0.5), column(1, key=3), {"s": 4, "w": 0, "t": [BEGIN_US + 1], "n": [0], "v": [1.0]}))
    assert [(each.kind, each.time_us) for each in shown.wrong] == [
        ("changed", SCHEDULE.time_us(2)),
        ("doubled", SCHEDULE.time_us(1)),
        ("invented", BEGIN_US + 1),
    ]


def test_what_was_merged_for_a_slow_viewer_has_to_be_asked_for_again() -> None:
    shown = picture()
    shown.take(message("snapshot", column(*range(10))))
    assert not shown.is_stale
    shown.take(message("update", bucket(4)))
    assert shown.is_stale
    assert lacking(shown) == [4, 5]
    shown.take(message("snapshot", column(*range(10))))
    assert lacking(shown) == []
    assert not shown.is_stale


def test_what_a_snapshot_has_in_buckets_only_is_counted_apart() -> None:
    shown = picture()
    shown.take(message("snapshot", bucket(0), column(*range(2, 10))))
    assert lacking(shown) == []
    assert not shown.is_stale
    assert shown.shown() == (8, 2)


def test_a_snapshot_forgets_nothing_from_before_its_time() -> None:
    shown = picture()
    shown.take(message("snapshot", column(*range(5))))
    shown.take(message("snapshot", column(4), from_us=SCHEDULE.time_us(3)))
    assert lacking(shown) == [3, 5, 6, 7, 8, 9]


def test_a_bucket_with_more_readings_than_were_due_or_values_that_none_has_is_named() -> None:
    for wrong in ({"count": 3}, {"min": -99.0}, {"max": 99.0}):
        shown = picture()
        shown.take(message("snapshot", bucket(0), bucket(2, **wrong), bucket(4, count=1)))
        assert [(each.kind, each.time_us) for each in shown.wrong] == [("folded", SCHEDULE.time_us(2))]


def test_an_update_that_does_not_go_on_from_the_one_before_it_is_named() -> None:
    shown = picture()
    shown.take(message("snapshot", column(0)))
    shown.take(message("update", column(1), to="d"))
    shown.lost()
    shown.take(message("update", column(2), **{"from": "d", "to": "e"}))
    assert shown.wrong == []
    shown.take(message("update", column(4), **{"from": "f", "to": "g"}))
    assert [(each.kind, each.sent, each.found) for each in shown.wrong] == [("skipped", "e", "f")]
