"""Tests of hub/sessions/group.py with groups.py: who is served together, and that nobody can tell from what comes."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.sessions import group as group_module
from hub.sessions import updates as updates_module
from hub.sessions.group import JOINING_AT_ONCE, Moment
from tests.support.stage import SECOND, SERIES, Seat, Stage


def is_together(*seats: Seat) -> bool:
    return all(seat.subscription.updates is None for seat in seats)


def left_behind(stage: Stage) -> list[int]:
    return [len(each) for each in (stage.owners, stage.groups, stage.lines, stage.groups._stirred, stage.groups._open)]


async def together(stage: Stage, *seats: Seat, at_us: int = 1) -> None:
    """Let one batch go by, at which newcomers join."""
    stage.put((0, at_us, 1.0))
    await stage.turn(1)
    assert is_together(*seats)


async def test_viewers_that_ask_for_the_same_share_one_mailbox() -> None:
    stage = Stage(0)
    seats = [stage.seat() for _ in range(5)]
    await together(stage, *seats)
    assert len(stage.owners) == 1
    stage.put((0, 2, 2.0), (1, 3, 3.0))
    await stage.turn(1)
    assert len({seat.messages[-1]["n"] for seat in seats}) == 1
    for seat in seats:
        stage.check(seat)


async def test_one_that_comes_in_the_middle_goes_on_from_its_snapshot() -> None:
    stage = Stage(0)
    first = stage.seat()
    await together(stage, first)
    stage.put((0, 2, 2.0))
    late = stage.seat()
    stage.put((1, 3, 3.0))
    await stage.turn(1)
    assert is_together(first, late)
    assert late.screen.cursor == first.screen.cursor
    assert late.screen.last_n > first.screen.last_n  # it came in with a message of its own
    stage.put((0, 4, 4.0))
    await stage.turn(1)
    for seat in (first, late):
        stage.check(seat)


async def test_what_a_viewer_calls_it_does_not_matter() -> None:
    stage = Stage(0)
    seats = [stage.seat(name=name) for name in ("a", "b", "a")]
    await together(stage, *seats)
    stage.put((0, 2, 2.0))
    await stage.turn(1)
    assert len(stage.owners) == 1
    assert [seat.messages[-1]["id"] for seat in seats] == ["a", "b", "a"]


async def test_one_that_leaves_gets_nothing_more_and_the_last_one_ends_the_group() -> None:
    stage = Stage(0)
    seats = [stage.seat() for _ in range(3)]
    await together(stage, *seats)
    seats[0].leave()
    got = len(seats[0].messages)
    stage.put((0, 2, 2.0))
    await stage.turn(1)
    assert len(seats[0].messages) == got
    stage.check(seats[1])
    for seat in seats[1:]:
        seat.leave()
    assert left_behind(stage) == [0] * 5


async def test_a_busy_link_is_asked_once_and_served_alone_from_there() -> None:
    stage = Stage(0)
    good, busy = stage.seat(), stage.seat()
    await together(stage, good, busy)
    busy.room = 0
    for at in range(2, 30):
        stage.put((0, at, float(at)))
        await stage.turn(0.001)
    assert is_together(good)
    assert not is_together(busy)
    stage.check(good)
    busy.room = 100
    await stage.turn(1)
    stage.check(busy)
    await together(stage, good, busy)


async def test_a_refusal_in_the_middle_of_several_parts_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(updates_module, "PART_POINTS", 10)
    stage = Stage(0)
    good, busy = stage.seat(), stage.seat()
    await together(stage, good, busy)
    busy.room = 2
    stage.put(*[(0, at, float(at)) for at in range(50)])
    await stage.turn(1)
    stage.check(good)
    assert len(busy.subscription.backlog) == 3
    busy.room = 100
    stage.put((0, 60, 1.0))
    await stage.turn(1)
    stage.check(busy)


async def test_a_link_that_is_busy_again_and_again_is_left_alone_for_longer() -> None:
    stage = Stage(0)
    seats = [stage.seat(), stage.seat()]
    await together(stage, *seats)
    rests: list[float] = []
    for _ in range(3):
        seats[1].room = 0
        await together(stage, seats[0])
        rests.append(seats[1].subscription.may_join_s - stage.now_s)
        seats[1].room = 1_000
        while not is_together(seats[1]):
            stage.put((0, 1, 1.0))
            await stage.turn(0.1)
    assert rests == pytest.approx([0.4, 1.6, 6.4])


async def test_one_that_does_not_draw_goes_on_alone_with_merged_buckets_and_keeps_the_spike() -> None:
    stage = Stage(0)
    good, slow = stage.seat(), stage.seat()
    await together(stage, good, slow)
    slow.draws = False
    for at in range(100):
        stage.put((0, at * SECOND // 10, 99.0 if at == 80 else 1.0))
        await stage.turn(0.1)
    assert is_together(good)
    assert not is_together(slow)
    await stage.settle()
    assert slow.screen.buckets["pump", "temp"]
    for seat in (good, slow):
        stage.check(seat)
    assert len(stage.owners) == 2  # it holds wider buckets than the others, until it asks again
    slow.subscribe("new")
    await together(stage, good, slow)
    assert len(stage.owners) == 1


async def test_who_claims_to_have_drawn_what_was_never_sent_hides_nobody_who_draws_nothing() -> None:
    stage = Stage(0)
    liar = stage.seat()
    await together(stage, liar)
    liar.subscription.drawn(10**9)
    for at in range(60):
        late = stage.seat(draws=False) if at == 30 else None
        stage.put((0, at * SECOND // 10, 1.0))
        await stage.turn(0.1)
        if late is not None:
            assert is_together(liar, late)
    assert is_together(liar)
    assert len(stage.owners) == 2  # the other goes on alone


async def test_those_who_were_slow_are_served_together_again() -> None:
    stage = Stage(0)
    good, *slow = [stage.seat() for _ in range(4)]
    await together(stage, good, *slow)
    for at in range(120):
        for number, seat in enumerate(slow):
            seat.draws = at < 10 * number  # each of them stops at another time
        stage.put((0, (1_000 + at) * SECOND // 10 - at % 7 * SECOND // 5, 1.0))
        await stage.turn(0.1)
    for seat in slow:
        seat.draws = True
        seat.subscription.drawn(seat.screen.last_n)
    for _ in range(4):
        await stage.turn(10)
        stage.put((0, 1, 1.0))
    await together(stage, good, *slow)
    assert len(stage.owners) == 2
    for seat in (good, *slow):
        stage.check(seat)
    assert not good.screen.buckets


async def test_a_short_stop_costs_no_detail_and_no_snapshot() -> None:
    stage = Stage(0)
    good, slow = stage.seat(), stage.seat()
    await together(stage, good, slow)
    slow.draws = False
    for at in range(35):
        stage.put((0, at * SECOND // 10, 1.0))
        await stage.turn(0.1)
    assert not is_together(slow)
    slow.draws = True
    slow.subscription.drawn(slow.screen.last_n)
    for _ in range(3):
        await together(stage, good)
    assert is_together(slow)
    assert slow.screen.reasons == ["new"]
    stage.check(slow)
    assert not slow.screen.buckets


async def test_many_that_come_at_once_are_all_let_in() -> None:
    stage = Stage(0)
    first = stage.seat()
    await together(stage, first)
    seats = [stage.seat() for _ in range(2 * JOINING_AT_ONCE)]
    await together(stage, first, *seats)
    for seat in seats:
        stage.check(seat)


async def test_a_burst_that_is_merged_shuts_the_group_and_newcomers_have_one_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.sessions.mailbox.MAX_BYTES", 1_000)
    stage = Stage(0)
    old = stage.seat()
    await together(stage, old)
    stage.put(*[(0, at, 1.0) for at in range(100)])
    await stage.turn(1)
    new = stage.seat()
    await together(stage, old, new)
    assert len(stage.groups) == 2
    assert (old.screen.cursor, new.screen.cursor) == ("journal:3:100000", "journal:3:0")
    for seat in (old, new):
        stage.check(seat)


async def test_all_are_told_what_changed_and_ask_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.core.buckets.MAX_RECENT", 8)
    stage = Stage(SECOND)
    seats = [stage.seat() for _ in range(3)]
    for at in range(100, 130):
        stage.put((0, at * SECOND, 1.0))
        await stage.turn(1)
    assert is_together(*seats)
    stage.put((0, 5 * SECOND, 7.0))
    await stage.turn(10, is_stored=False)
    await stage.turn(10)
    await together(stage, *seats, at_us=130 * SECOND)
    for seat in seats:
        assert seat.screen.reasons == ["new", "new"]
        stage.check(seat)


async def test_a_group_that_missed_too_much_sends_everybody_for_a_snapshot() -> None:
    stage = Stage(0)
    seats = [stage.seat() for _ in range(3)]
    await together(stage, *seats)
    (updates,) = stage.owners
    stage.put((0, 2, 1.0))
    updates.mailbox.is_overrun = True
    for _ in range(2):
        await stage.turn(1)
    for seat in seats:
        assert seat.screen.reasons == ["new", "too_far"]
        stage.check(seat)
    await together(stage, *seats)


async def test_others_are_fed_before_anything_else_can_run_and_before_a_member_goes_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_module, "MEMBERS_AT_ONCE", 2)
    stage = Stage(0)
    seats = [stage.seat() for _ in range(5)]
    await together(stage, *seats)
    settled: list[tuple[int, int]] = []

    def settle() -> None:
        settled.append((len(stage.owners), sum(seat.messages[-1]["sent_us"] == 7 for seat in seats)))

    for busy, first in ((None, (1, 2)), (seats[0], (1, 1))):
        settled.clear()
        if busy is not None:
            busy.room = 0
        stage.put((0, 2 + len(seats[1].messages), 2.0))
        await stage.groups.turn(Moment(stage.position, stage.now_s, 7, stage.stored, settle))
        assert settled[0] == first  # nobody was alone yet, and so many had theirs
        for seat in seats:
            seat.messages[-1]["sent_us"] = 0


async def test_who_is_slow_at_the_same_time_is_served_alone_at_different_times() -> None:
    stage = Stage(0)
    good, *slow = [stage.seat() for _ in range(5)]
    await together(stage, good, *slow)
    for seat in slow:
        seat.draws = False
    served: list[int] = []
    for at in range(80):
        was_together = is_together(*slow)
        before = [len(seat.messages) for seat in slow]
        stage.put((0, at * SECOND // 10, 1.0))
        await stage.turn(0.1)
        if not was_together:
            served.append(sum(len(seat.messages) > count for seat, count in zip(slow, before, strict=True)))
    assert max(served) == 1
    assert sum(served) >= 2 * len(slow)


async def test_a_large_group_lets_others_run_between(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.sessions.group.MEMBERS_AT_ONCE", 2)
    stage = Stage(0)
    seats = [stage.seat() for _ in range(7)]
    await together(stage, *seats)
    stage.put((0, 2, 1.0))
    await stage.turn(1)
    for seat in seats:
        stage.check(seat)


async def test_what_is_late_and_shown_already_is_told_when_a_group_begins() -> None:
    stage = Stage(SECOND)
    stage.put((0, 100 * SECOND, 1.0))
    await stage.turn(1)
    seat = stage.seat(alone=True)
    (updates,) = stage.owners
    updates.mailbox.add_late(SERIES[0], 0, SECOND, stage.stored)
    stage.groups.join(seat.subscription, stage.now_s)
    await stage.turn(1, is_stored=False)
    assert seat.screen.reasons == ["new", "new"]


BATCHES = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 400), st.sampled_from([1.0, 2.0, -5.0, 99.0])), min_size=1, max_size=8)
EVENTS = st.lists(st.tuples(st.sampled_from(["come", "go", "stop", "draw", "busy", "one", "free", "again"]), st.integers(0, 5)), max_size=3)
STEPS = st.lists(st.tuples(st.integers(0, 9), BATCHES, st.sampled_from([0.01, 0.3, 3.0]), EVENTS, st.booleans()), max_size=25)


def happen(stage: Stage, what: str, number: int) -> None:
    """Let something happen to one of the seats."""
    if what == "come" and len(stage.seats) < 8:
        stage.seat(name="ab"[number % 2])
    seat = stage.seats[number % len(stage.seats)]
    if seat is stage.seats[0]:
        return
    match what:
        case "go":
            seat.leave()
            stage.seats.remove(seat)
        case "stop":
            seat.draws = False
        case "draw":
            seat.draws = True
            seat.subscription.drawn(seat.screen.last_n)
        case "busy":
            seat.room = 0
        case "one":
            seat.room = 1
        case "free":
            seat.room = 1_000_000
        case "again" if seat.room:
            seat.subscribe("new")


@pytest.mark.parametrize("width_us", [0, SECOND // 10, SECOND])
@pytest.mark.parametrize(("max_buckets", "max_bytes"), [(1_000, 1 << 16), (6, 200)])
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
async def test_every_member_sees_what_one_that_was_always_alone_sees(
    monkeypatch: pytest.MonkeyPatch, steps: list[Any], max_buckets: int, max_bytes: int, width_us: int
) -> None:
    monkeypatch.setattr("hub.sessions.mailbox.MAX_BUCKETS", max_buckets)
    monkeypatch.setattr("hub.sessions.mailbox._BUCKETS_OF_SERIES", 1)
    monkeypatch.setattr("hub.sessions.mailbox.MAX_BYTES", max_bytes)
    monkeypatch.setattr("hub.sessions.updates.PART_POINTS", 5)
    monkeypatch.setattr("hub.core.buckets.MAX_RECENT", 8)
    stage, base_us = Stage(width_us), 1_000 * SECOND
    stage.seat(alone=True)
    for _ in range(3):
        stage.seat()
    for leap, batch, seconds, events, is_stored in steps:
        base_us += leap * SECOND // 2
        for what, number in events:
            happen(stage, what, number)
        stage.put(*[(at, base_us + back * SECOND // 20 - 10 * SECOND, value) for at, back, value in batch])
        await stage.turn(seconds, is_stored=is_stored)
    await stage.settle()
    for seat in stage.seats:
        stage.check(seat)
    same = [seat.screen.raw for seat in stage.seats if not any(seat.screen.buckets.values())]
    assert all(raw == same[0] for raw in same)
    for seat in stage.seats:
        seat.leave()
    assert left_behind(stage) == [0] * 5
