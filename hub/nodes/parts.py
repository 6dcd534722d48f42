"""What is asked of Redis for many devices, in parts: a script holds up everybody else while it runs.

Owns how many go at once. Used by leases.py and presence.py.
"""

from collections.abc import Iterator, Sequence
from typing import Final, TypeVar

T = TypeVar("T")
MANY: Final = 500  # devices that are asked about at once: some ms of Redis' time


def parts_of(asked: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield stretches of at most MANY."""
    return (asked[at : at + MANY] for at in range(0, len(asked), MANY))
