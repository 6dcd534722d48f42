"""Waits that grow with each wrong try, in bounded memory."""

import pytest

from hub.core.guessing import Guessing, address_key


def tried(guessing: Guessing, key: str, now_s: float) -> float:
    guessing.tried(key, now_s)
    return guessing.wait_s(key, now_s)


def test_after_the_free_tries_the_wait_doubles_up_to_the_longest() -> None:
    guessing, now_s, waits = Guessing(free_tries=3, max_wait_s=60.0), 1_000.0, []
    for _ in range(12):
        waits.append(tried(guessing, "ann", now_s))
        now_s += waits[-1]
    assert waits == [0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60]
    assert guessing.wait_s("ann", now_s - 0.5) == 0.5
    assert guessing.wait_s("bob", now_s) == 0


def test_ten_thousand_tries_of_a_key_are_no_error_and_a_day_gives_few() -> None:
    guessing, now_s, looked_at = Guessing(free_tries=10, max_wait_s=900.0), 5.0, 0
    while now_s < 86_400:
        if guessing.wait_s("10.0.0.9", now_s) == 0:
            guessing.tried("10.0.0.9", now_s)
            looked_at += 1
        now_s += 1
    assert looked_at < 120
    for _ in range(10_000):
        guessing.tried("10.0.0.9", now_s)
    assert guessing.wait_s("10.0.0.9", now_s) == 900


def test_a_right_try_is_taken_back_and_leaves_those_before_it() -> None:
    guessing = Guessing(free_tries=2, max_wait_s=60.0)
    tried(guessing, "a", 9_999.0)
    assert tried(guessing, "a", 9_999.0) == 1
    guessing.excuse("a")
    assert guessing.wait_s("a", 9_999.0) == 0
    assert tried(guessing, "a", 10_000.0) == 1
    guessing.forget("a")
    assert tried(guessing, "a", 10_000.0) == 0
    guessing.excuse("a")
    assert len(guessing) == 0


def test_two_quiet_hours_are_forgiven() -> None:
    guessing = Guessing(free_tries=2, max_wait_s=60.0)
    tried(guessing, "a", 0.0)
    assert tried(guessing, "a", 7_000.0) == 1
    assert tried(guessing, "a", 14_201.0) == 0


def test_only_so_many_keys_are_remembered_and_the_quietest_goes_first() -> None:
    guessing = Guessing(free_tries=1, max_wait_s=60.0)
    guessing.tried("first", 0.0)
    for number in range(9_999):
        guessing.tried(str(number), 1.0)
    guessing.tried("first", 2.0)
    guessing.tried("one more", 3.0)
    assert len(guessing) == 10_000
    assert guessing.wait_s("first", 3.0) > 0
    assert guessing.wait_s("0", 1.0) == 0


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("10.0.0.9", "10.0.0.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:10.0.0.9", "10.0.0.9"),
        ("unknown", "unknown"),
        ("", ""),
    ],
)
def test_an_ipv6_network_counts_as_one_address(address: str, key: str) -> None:
    assert address_key(address) == key


def test_who_must_wait_is_told_with_the_tries_and_the_time() -> None:
    guessing = Guessing(free_tries=2, max_wait_s=60)
    for _ in range(3):
        guessing.tried("ann", 10.0)
    guessing.tried("bob", 10.0)
    assert guessing.waiting(10.5) == [("ann", 3, 1.5)]
    assert guessing.waiting(12.0) == []
