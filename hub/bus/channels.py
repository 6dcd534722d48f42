"""The channel lists of epochs whose rows came from other nodes.

Owns their bound; the own journal knows its own. Used by confluence.py, and by worker threads through it.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from devices.wire.messages import Channel

MAX_EPOCHS: Final = 200_000  # the longest known go first; their rows have long left the ring
Key = tuple[str, int]  # device, epoch
ChannelList = tuple[Channel, ...]


class KnownChannels:
    """Lists by device and epoch; `own` raises KeyError for what is not the own journal's."""

    def __init__(self, own: Callable[[str, int], ChannelList]) -> None:
        self._own = own
        self._others: dict[Key, ChannelList] = {}
        self._shared: dict[ChannelList, ChannelList] = {}  # a thousand devices of one kind have one list

    def of(self, device: str, epoch: int) -> ChannelList:
        """Return the channels of an epoch. Raises KeyError."""
        known = self._others.get((device, epoch))
        return self._own(device, epoch) if known is None else known

    def add(self, found: Mapping[Key, ChannelList]) -> None:
        """Take lists; what is known of an epoch never changes."""
        for key, channels in found.items():
            if key not in self._others:
                self._others[key] = self._shared.setdefault(channels, channels)
        while len(self._others) > MAX_EPOCHS:
            del self._others[next(iter(self._others))]
        if len(self._shared) > MAX_EPOCHS:
            self._shared.clear()

    def has_all(self, keys: Iterable[Key]) -> bool:
        """Tell whether every one of these epochs of other nodes is known."""
        return all(key in self._others for key in keys)
