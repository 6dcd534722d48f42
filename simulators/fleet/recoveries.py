"""When everybody that a fault hit streams again: each has had a frame acked that was due after the fault's end.

Owns who is still waited for, fault by fault. Members tell of acks, device_worker.py tells the course once a fault has nobody left.
"""

from collections.abc import Callable, Iterable


class Recoveries:
    """The faults of a worker that somebody has not recovered from; `say` gets the fault, its devices, and seconds since its end."""

    def __init__(self, say: Callable[[int, int, float], None]) -> None:
        self._say = say
        self._waiting: dict[int, tuple[int, set[int], int]] = {}  # fault -> (its end in µs, who is left, how many there were)

    def expect(self, fault: int, since_us: int, members: Iterable[int]) -> None:
        """Wait for these members; with none the fault is told at once."""
        left = set(members)
        if left:
            self._waiting[fault] = (since_us, left, len(left))
        else:
            self._say(fault, 0, 0.0)

    def acked(self, member: int, due_us: int, now_us: int) -> None:
        """Note that a frame of a member was acked."""
        for fault, (since_us, left, count) in list(self._waiting.items()):
            if due_us >= since_us:
                left.discard(member)
                if not left:
                    del self._waiting[fault]
                    self._say(fault, count, (now_us - since_us) / 1e6)
