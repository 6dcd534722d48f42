"""The records that pass between the parts of the hub: journal rows, series, columns of readings, cursors.

Owns plain values only: no clock, no I/O. Everyone inside the hub may read it.
"""

from dataclasses import dataclass, field
from enum import IntEnum
from functools import partial
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from devices.wire.messages import Kind


class RowKind(IntEnum):
    """What a journal row holds; the numbers are stored and never reused."""

    DATA = 1
    PACK = 2
    RESULT = 3
    REPORTED = 4
    LOG = 5
    GAP = 6
    BAD = 7  # a refused frame: `rejects` says why
    ELSEWHERE = 8  # frames up to seq were acked by another hub or before a restore


WITH_READINGS: Final = frozenset({RowKind.DATA, RowKind.PACK})


class Row(NamedTuple):
    """One frame in the journal. A tuple, so that SQLite takes and gives it without a copy."""

    position: int  # AUTOINCREMENT, never reused; 0 before it is committed
    device: str
    epoch: int
    seq: int  # of a gap: the seq of its first frame that counts
    kind: int  # RowKind
    arrived_us: int  # wall clock of the hub
    body: bytes  # the message as the device sent it
    rejects: bytes | None  # msgpack: DATA [[index, code]...]; PACK as in packs.py; BAD [code, reason]; None: all is well


# A row of a tuple of its fields, without the call of Python code that Row(...) is: thousands are made a second.
as_row: Final = partial(tuple.__new__, Row)


class Cursor(NamedTuple):
    """A place in one journal: everything up to and including `position`. `journal` is drawn when the file is made."""

    journal: str
    position: int


class Series(NamedTuple):
    """What makes readings one line: a changed unit or kind is another series."""

    device: str
    channel: str
    unit: str
    kind: Kind


class Reading(NamedTuple):
    """One value as a query gives it back; `t_ns` is the point key: t_us * 1000 + 0...999."""

    t_ns: int
    value: Any


@dataclass(slots=True)
class Columns:
    """Readings as parallel columns, one entry a reading: those of data frames in journal order, then those of packs.

    `num` holds numbers, booleans as 0 and 1, and the latitude of a position; NaN marks a text.
    `exact` is masked but for integers and booleans. `text` and `lon` are None where no reading needs them.
    """

    series: list[Series]  # those that occur
    index: npt.NDArray[np.int32]  # into `series`
    t_ns: npt.NDArray[np.int64]
    num: npt.NDArray[np.float64]
    exact: "np.ma.MaskedArray[Any, np.dtype[np.int64]] | None" = None
    text: npt.NDArray[np.object_] | None = None
    lon: npt.NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.index)


@dataclass(slots=True)
class Buckets:
    """Buckets of one series, oldest first, as parallel columns. `min`, `max`, `sum` are NaN for texts."""

    width_us: int
    start_us: npt.NDArray[np.int64]
    min: npt.NDArray[np.float64]
    max: npt.NDArray[np.float64]
    sum: npt.NDArray[np.float64]
    count: npt.NDArray[np.int64]
    last: list[Any]
    last_ns: npt.NDArray[np.int64]  # point key of `last`


@dataclass(slots=True)
class RangeAnswer:
    """What a history store answers to a range query.

    Where the store reads it in one transaction with its cursor, `joint_us` is None: the answer holds the rows up to the cursor and no
    other. Elsewhere it holds all of them and perhaps some of later rows: buckets are made of the readings before `joint_us` and those from
    there on stand in `raw`, also where buckets were asked for, so that they can be joined with the journal by point key.
    """

    cursor: Cursor | None  # the store holds every row up to here; None: an empty store
    raw: dict[Series, list[Reading]] = field(default_factory=dict)
    buckets: dict[Series, Buckets] = field(default_factory=dict)
    is_truncated: bool = False  # the limit was met: the newest readings are given
    joint_us: int | None = None  # it may cut a bucket: its readings then stand on both sides
    kept_from_us: int | None = None  # what is older is no longer kept as narrow as asked for; None: everything is
    others_s: float = 0.0  # what other writers of the store were told is stored so long before the question is in the answer


class StoredTo(NamedTuple):
    """How far an answer of the history store reaches among the rows of the journals."""

    place: int  # rows above it are to be added
    missing_us: tuple[int, int] | None = None  # rows that came between these times are neither in the answer nor above `place`, and will be
    lacking_us: tuple[int, int] | None = None  # the same of nodes that are away: nobody knows when


@dataclass(frozen=True, slots=True)
class Refused:
    """A reading that a store can never hold."""

    index: int  # in the columns of its batch
    reason: str  # for a person: what, the limit
