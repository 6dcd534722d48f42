"""Tests of hub/sessions/undrawn.py."""

from hub.sessions.undrawn import MAX_ENTRIES, MAX_UNDRAWN_BYTES, MAX_UNDRAWN_S, SWAMPED_BYTES, Undrawn


def test_a_viewer_is_slow_by_time_or_by_bytes_until_it_has_drawn() -> None:
    undrawn = Undrawn()
    assert not undrawn.is_slow(100)
    undrawn.sent(1, 10, 0)
    assert not undrawn.is_slow(MAX_UNDRAWN_S)
    assert undrawn.is_slow(MAX_UNDRAWN_S + 0.1)
    undrawn.sent(2, MAX_UNDRAWN_BYTES, 1)
    undrawn.drawn(1)
    assert not undrawn.is_slow(1)
    undrawn.sent(3, 1, 1)
    assert undrawn.is_slow(1)
    undrawn.drawn(99)
    assert not undrawn.is_slow(100)


def test_only_a_viewer_that_says_what_it_has_drawn_is_swamped() -> None:
    undrawn = Undrawn()
    undrawn.sent(1, 1, 0)
    undrawn.sent(2, SWAMPED_BYTES + 1, 0)
    assert not undrawn.is_swamped
    undrawn.drawn(1)
    assert undrawn.is_swamped


def test_a_viewer_that_never_says_anything_is_counted_in_bounds() -> None:
    undrawn = Undrawn()
    for n in range(10 * MAX_ENTRIES):
        undrawn.sent(n, 10, float(n))
    assert len(undrawn._sent) == MAX_ENTRIES
    undrawn.drawn(10 * MAX_ENTRIES - 2)
    assert undrawn.is_slow(1e9)
    undrawn.drawn(10 * MAX_ENTRIES - 1)
    assert not undrawn.is_slow(1e9)
    assert undrawn._size_bytes == 0
