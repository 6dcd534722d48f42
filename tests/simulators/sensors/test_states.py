"""Doors are used by day, locked by night, and texts change now and then."""

from itertools import pairwise

import numpy as np

from simulators.sensors import plan_of
from tests.support.signals import signal, times


def test_a_door_opens_about_as_often_as_it_says_and_mostly_by_day() -> None:
    is_open = signal("door", visits=150, open_s=20).at(times(10, 1)).astype(np.int8)
    opened = np.flatnonzero(np.diff(is_open) == 1)
    assert 1_200 < len(opened) < 1_700
    hours = opened / 3_600 % 24
    assert ((hours > 6) & (hours < 19)).mean() > 0.85
    lasts = np.flatnonzero(np.diff(is_open) == -1)[:1_000] - opened[:1_000]
    assert 2 <= lasts.min() <= lasts.max() <= 20


def test_a_lock_is_open_with_its_door_and_locked_at_night() -> None:
    sensor = plan_of([{"name": "door", "kind": "door"}, {"name": "lock", "kind": "lock", "from_h": 21, "to_h": 5}]).sensor(1, "d")
    when = times(3, 10)
    door, lock = (sensor.column(name, when).values for name in ("door", "lock"))
    assert sensor.channels[1].values == ("open", "closed", "locked")
    assert ((lock == "open") == door).all()
    night = (np.arange(len(when)) / 360 % 24 >= 21) | (np.arange(len(when)) / 360 % 24 < 5)
    assert (lock[night & ~door] == "locked").all()
    assert (lock[~night & ~door] == "closed").all()


def test_a_status_is_a_text_that_lasts_a_while() -> None:
    texts = signal("status", every_s=600).at(times(2, 60)).tolist()
    changes = sum(one != other for one, other in pairwise(texts))
    assert 150 < changes < 288
    assert len(set(texts)) >= 8
    assert all(isinstance(text, str) and 1 <= len(text.encode()) <= 256 for text in texts)
