"""Who waits for the store is told until nothing waits any more, and a connection that is gone is not."""

import gc

from hub.sessions.stored_acks import StoredAcks


class Waiting:
    def __init__(self, until: int) -> None:
        self.until = until
        self.told: list[int] = []

    def stored(self, position: int) -> bool:
        self.told.append(position)
        return position < self.until


def test_a_waiter_is_told_until_it_has_what_it_waits_for() -> None:
    acks, one, two = StoredAcks(), Waiting(3), Waiting(5)
    acks.wait(one)
    acks.wait(two)
    for position in (2, 4, 5, 6):
        acks.store_safe(position)
    assert (one.told, two.told, acks.position) == ([2, 4], [2, 4, 5], 6)


def test_a_connection_that_is_gone_is_forgotten() -> None:
    acks = StoredAcks()
    acks.wait(Waiting(3))
    gc.collect()
    assert len(acks._waiters) == 0
