"""A shadow as plain values: versions that rise, reports in their order, what is shown of both, and the checks of what is desired."""

import pytest

from devices.wire.messages import Reported
from hub.core.errors import Refusal
from hub.core.shadow import Known, Wanted, changed, check_taken, fits, item_of, known_in, wanted_in
from hub.ports import DeviceRecord

FIRST = Wanted().next({"a": 1}, "ann", 5_000_000)


def report(number: int, version: int = 5_000, error: str | None = None) -> Reported:
    return Reported(7, 1, number, version, {"a": number}, error)


def test_versions_are_the_time_in_ms_or_one_more_than_the_last() -> None:
    assert FIRST.version == 5_000
    assert FIRST.next({}, "ann", 4_000_000).version == 5_001
    assert FIRST.next({}, "ann", 6_000_999).version == 6_000
    assert [FIRST.revision, FIRST.next({}, "ann", 0).revision] == [1, 2]


def test_both_are_kept_and_read_as_they_were() -> None:
    assert wanted_in(FIRST.kept("pump")) == FIRST
    for known in (Known().following(report(3), 9), Known().following(report(3, error="no"), 9)):
        assert known_in(known.kept("pump")) == known


def test_only_a_higher_number_is_newer() -> None:
    known = Known().following(report(3), 9)
    assert known.following(report(3), 10) is known
    assert known.following(report(2), 10) is known
    assert known.following(report(4), 10).document == {"a": 4}


@pytest.mark.parametrize(
    ("said", "is_in_step"),
    [(report(1), True), (report(1, version=4_999), False), (report(2), False), (report(1, error="no"), False)],
)
def test_in_step_means_this_version_without_an_error_and_without_a_delta(said: Reported, is_in_step: bool) -> None:
    item = item_of("pump", FIRST, Known().following(said, 9))
    assert item["is_in_step"] is is_in_step
    assert item["delta"] == ({} if said.number == 1 else {"a": 1})


def test_nothing_desired_is_in_step_with_nothing_reported() -> None:
    assert item_of("pump", Wanted(), Known())["is_in_step"]


def test_a_change_gives_the_same_object_where_it_changes_nothing() -> None:
    assert changed(FIRST, {"a": 1.0}, is_patch=False) is FIRST.document
    assert changed(FIRST, {"b": None}, is_patch=True) is FIRST.document
    assert changed(FIRST, {"b": 2, "a": None}, is_patch=True) == {"b": 2}
    with pytest.raises(Refusal, match="holds null"):
        changed(FIRST, {"b": None}, is_patch=False)


def test_a_device_that_has_said_nothing_yet_takes_anything_up_to_the_limit() -> None:
    check_taken(DeviceRecord("pump", 0, b"", {}), FIRST)
    check_taken(DeviceRecord("pump", 0, b"", {"shadow": True, "max_message_bytes": 1_024}), FIRST)
    with pytest.raises(Refusal, match="takes no shadow"):
        check_taken(DeviceRecord("pump", 0, b"", {"shadow": False}), FIRST)
    assert fits(1_024, FIRST)
    assert not fits(10, FIRST)
