"""What a spool keeps, as plain records: frames, epochs, executed commands, and drafts of frames not yet numbered.

Owns values only: no file, no event loop. Shared by tables.py (blocking) and spool.py (async).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Final, NamedTuple

from devices.wire.messages import Channel, Frame, Outcome, Result

FRAME_COST_BYTES: Final = 48  # what a row costs beside its body: key, four integers, cell and page share
SEQ_BITS: Final = 40  # a row's key is ordinal << 40 | seq: 10^12 frames an epoch, 8 million epochs before the spool was ever empty
SEQ_MASK: Final = (1 << SEQ_BITS) - 1


class FrameKind(IntEnum):
    """What a spooled frame is, as far as dropping it matters; the numbers are stored and never reused."""

    DATA = 1
    LOG = 2
    RESULT = 3  # never dropped: a lost outcome would leave the command open for ever
    GAP = 4  # merged with its neighbours
    GIVE_UP = 5  # a gap about another epoch; never dropped


class Draft(NamedTuple):
    """A frame without its number; `build` is called with (epoch, seq) when it gets one."""

    kind: FrameKind
    build: Callable[[int, int], Frame]
    readings: int = 0
    from_us: int | None = None
    to_us: int | None = None


def result_draft(outcome: Outcome) -> Draft:
    """Make the draft of a result frame."""
    return Draft(FrameKind.RESULT, lambda epoch, seq: Result(epoch, seq, outcome))


class SpooledFrame(NamedTuple):
    """A frame ready to be sent. It covers `seq` to `last`; these differ for a gap only."""

    seq: int
    last: int
    body: bytes


class FrameRow(NamedTuple):
    """A frame as the file keeps it; `key` is ordinal << SEQ_BITS | seq."""

    key: int
    last: int
    kind: int
    readings: int
    from_us: int | None
    to_us: int | None
    body: bytes


@dataclass(slots=True)
class SpooledEpoch:
    """An epoch and what of it is unacked: `first` to `last`; first == last + 1 where nothing is."""

    ordinal: int  # oldest is lowest
    epoch: int
    channels: tuple[Channel, ...]
    first: int = 1
    last: int = 0
    frames: int = 0
    bytes: int = 0  # bodies and FRAME_COST_BYTES each

    @property
    def is_finished(self) -> bool:
        """Tell whether nothing of it is unacked."""
        return self.first > self.last


@dataclass(slots=True)
class CommandEntry:
    """A command that must never be begun again, its latest outcome and the frame that carries it."""

    id: str
    expires_us: int  # wall clock; kept until then even where its result is acked
    outcome: Outcome
    epoch: int
    seq: int


@dataclass(frozen=True, slots=True)
class ShadowEntry:
    """The shadow: what is desired, what was applied of it, what was reported last and the frame that carried it."""

    wanted_version: int = 0  # 0: nothing was ever desired
    wanted: Mapping[str, Any] = field(default_factory=dict)
    version: int = 0  # of the desired document that was applied last
    number: int = 0  # of the last report; 0: none
    document: Mapping[str, Any] = field(default_factory=dict)  # what it said
    error: str | None = None  # why the version `failed` could not be applied; None: the last one could
    failed: int = 0
    epoch: int = 0
    seq: int = 0
