"""The marks in memory: which epochs of which device are known, how far each is durable, and with which channels.

Owns the copy that sessions ask; the file is the truth and is written first. Plain code; `channels` is also read by worker threads.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from devices.wire.messages import Channel
from hub.ports import EpochMark, Opening

KEPT_EPOCHS: Final = 64  # per device, for ever; older ones for KEPT_S
KEPT_S: Final = 30 * 86_400


class Marks:
    """Durable seq, channels and age of every epoch."""

    def __init__(self, marks: Sequence[EpochMark]) -> None:
        self._seqs: dict[str, dict[int, int]] = {}
        self._channels: dict[tuple[str, int], tuple[Channel, ...]] = {}
        self._opened_us: dict[tuple[str, int], int] = {}
        for mark in marks:
            self._seqs.setdefault(mark.device, {})[mark.epoch] = mark.seq
            self._channels[mark.device, mark.epoch] = mark.channels
            self._opened_us[mark.device, mark.epoch] = mark.opened_us

    def of(self, device: str) -> Mapping[int, int]:
        """Return {epoch: durable seq} as it stands now."""
        return dict(self._seqs.get(device, {}))

    def channels(self, device: str, epoch: int) -> tuple[Channel, ...]:
        """Return the channel list of an epoch. Raises KeyError."""
        return self._channels[device, epoch]

    def committed(self, openings: Iterable[Opening], moves: Mapping[tuple[str, int], int]) -> None:
        """Follow a commit."""
        for opening in openings:
            key = (opening.device, opening.epoch)
            if key not in self._channels:
                self._channels[key] = opening.channels
                self._opened_us[key] = opening.opened_us
                self._seqs.setdefault(opening.device, {})[opening.epoch] = 0
        for (device, epoch), seq in moves.items():
            seqs = self._seqs.get(device, {})
            if epoch in seqs and seq > seqs[epoch]:
                seqs[epoch] = seq

    def forgettable(self, now_us: int) -> list[tuple[str, int]]:
        """Return (device, epoch) of marks beyond the newest KEPT_EPOCHS of their device that are older than KEPT_S."""
        before_us = now_us - KEPT_S * 1_000_000
        found = []
        for device, seqs in self._seqs.items():
            if len(seqs) > KEPT_EPOCHS:
                newest_first = sorted(seqs, key=lambda epoch: self._opened_us[device, epoch], reverse=True)
                found += [(device, epoch) for epoch in newest_first[KEPT_EPOCHS:] if self._opened_us[device, epoch] < before_us]
        return found

    def forget(self, marks: Iterable[tuple[str, int]]) -> None:
        """Forget marks that the file has forgotten."""
        for device, epoch in marks:
            del self._seqs[device][epoch], self._channels[device, epoch], self._opened_us[device, epoch]
