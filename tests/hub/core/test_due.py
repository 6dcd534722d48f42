"""Ids come back when their time has come, in its order, and the heap forgets what has ended."""

from hypothesis import given
from hypothesis import strategies as st

from hub.core.due import _SPARE, Due


def test_what_is_due_comes_once_the_most_overdue_first() -> None:
    due = Due()
    for command_id, at_us in (("a", 30), ("b", 10), ("c", 20)):
        due.put(command_id, at_us)
    assert due.take(9) == []
    assert due.take(20) == ["b", "c"]
    assert due.take(20) == []
    assert len(due) == 1


def test_the_last_word_counts() -> None:
    due = Due()
    due.put("a", 10)
    due.put("a", 50)
    due.put("b", 10)
    due.drop("b")
    due.drop("b")
    assert due.take(49) == []
    assert due.take(50) == ["a"]


def test_what_has_ended_does_not_pile_up() -> None:
    due = Due()
    due.put("open", 1)
    for number in range(10_000):
        due.put(f"c{number}", 10**15)
        due.drop(f"c{number}")
    assert len(due._heap) <= 2 + _SPARE
    assert due.take(1) == ["open"]


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.none() | st.integers(0, 50))), st.integers(0, 50))
def test_it_is_a_plain_map_of_times(changes: list[tuple[str, int | None]], now_us: int) -> None:
    due, known = Due(), dict[str, int]()
    for command_id, at_us in changes:
        if at_us is None:
            due.drop(command_id)
            known.pop(command_id, None)
        else:
            due.put(command_id, at_us)
            known[command_id] = at_us
    assert sorted(due.take(now_us)) == sorted(each for each, at_us in known.items() if at_us <= now_us)
    assert len(due) == sum(at_us > now_us for at_us in known.values())
