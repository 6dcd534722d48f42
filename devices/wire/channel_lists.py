"""What is remembered of channel lists: a fleet mostly has one, a hostile device as many as it likes.

Owns how large a list is, and how many are remembered by that: 256 lists of 1,024 channels each would be 75 MB in every place that
remembers them. Plain code; used by hello.py, and by the hub wherever something is made of a list once.
"""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any, Final, TypeVar

from devices.wire.messages import Channel

T = TypeVar("T")
_LARGE: Final = 128
_MANY: Final = 256
_FEW: Final = 16


def weight(channels: tuple[Channel, ...]) -> int:
    """Return how large a list is: how many channels and texts of states are in it."""
    return len(channels) + sum([len(channel.values) for channel in channels if channel.values])


def remembered(make: Callable[..., T]) -> Callable[..., T]:
    """Make something of a channel list, the first argument, once: of the last 256 small lists, and of the last 16 large ones."""
    small, large = lru_cache(_MANY)(make), lru_cache(_FEW)(make)

    @wraps(make)
    def found(channels: tuple[Channel, ...], *more: Any) -> T:
        return (small if weight(channels) <= _LARGE else large)(channels, *more)

    return found
