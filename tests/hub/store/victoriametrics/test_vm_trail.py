"""What is safe trails by a minute and goes back to that when the server was started anew."""

from hypothesis import given
from hypothesis import strategies as st

from hub.core.records import Cursor
from hub.store.victoriametrics.trail import SAFE_S, SLOT_S, Trail


@given(st.lists(st.tuples(st.floats(0.01, 30), st.booleans()), max_size=200))
def test_safe_is_never_younger_than_a_minute_and_never_much_older(steps: list[tuple[float, bool]]) -> None:
    trail, now_s, applied = Trail(), 0.0, list[tuple[float, Cursor]]()
    trail.begin(None, None, now_s)
    for pause_s, is_write in steps:
        now_s += pause_s
        if is_write:
            applied.append((now_s, Cursor("j", len(applied) + 1)))
            trail.add(applied[-1][1], now_s)
        else:
            trail.seen_alive(now_s)
        position = trail.safe.position if trail.safe is not None else 0
        assert all(cursor.position > position for t_s, cursor in applied if now_s - t_s < SAFE_S)
        assert all(cursor.position <= position for t_s, cursor in applied if now_s - t_s >= SAFE_S + SLOT_S)
        assert len(trail._slots) <= SAFE_S / SLOT_S + 2


def test_it_goes_back_to_what_is_safe_and_goes_on_from_there() -> None:
    trail = Trail()
    trail.begin(Cursor("j", 3), Cursor("j", 5), 100.0)
    trail.add(Cursor("j", 9), 130.0)
    trail.seen_alive(100.0 + SAFE_S)
    assert trail.go_back() == Cursor("j", 5)
    trail.seen_alive(1_000.0)
    assert trail.safe == Cursor("j", 5)


def test_what_is_shown_trails_where_the_server_cannot_be_asked() -> None:
    trail = Trail()
    trail.begin(None, None, 0.0)
    trail.add(Cursor("j", 1), 0.0)
    trail.add(Cursor("j", 2), 20.0)
    assert trail.shown(29.0, 30.0) is None
    assert trail.shown(31.0, 30.0) == Cursor("j", 1)
    assert trail.shown(51.0, 30.0) == Cursor("j", 2)
