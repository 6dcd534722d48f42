"""A line now and then, and never a flood of them."""

from hub.core.seldom import Seldom


def test_the_first_line_of_each_key_goes_at_once() -> None:
    seldom = Seldom()
    assert [seldom.times(key, 0.0) for key in ("a", "b", "a", "b")] == [1, 1, 0, 0]


def test_the_next_line_tells_how_often_it_was_meanwhile() -> None:
    seldom = Seldom(period_s=60)
    assert [seldom.times("a", float(at_s)) for at_s in (0, 1, 2, 59, 60, 61)] == [1, 0, 0, 0, 4, 0]


def test_many_keys_share_a_bound() -> None:
    seldom = Seldom(period_s=60, max_lines=10)
    assert sum(seldom.times(str(key), 0.0) for key in range(1_000)) == 10
    assert seldom.times("999", 60.0) == 1


def test_what_it_knows_is_bounded() -> None:
    seldom = Seldom(max_lines=10**9)
    for key in range(5_000):
        seldom.times(str(key), 0.0)
    assert seldom.times("0", 1.0) == 1  # forgotten
    assert seldom.times("4999", 1.0) == 0
