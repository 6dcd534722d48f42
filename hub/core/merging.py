"""Columns that were made apart, put together in the order of their frames.

Owns that order. Plain code, numpy throughout; used by columns.py.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hub.core.records import Columns


class Part(NamedTuple):
    """Readings of some frames, in the order of these; the columns share one list of series."""

    frames: npt.NDArray[np.int64]  # the place of each frame among all, rising
    lengths: npt.NDArray[np.int64]  # how many readings each has
    columns: Columns


def merged(parts: Sequence[Part]) -> Columns:
    """Return the readings of all parts, frame by frame."""
    if len(parts) == 1:
        return parts[0].columns
    lengths = np.zeros(max([int(part.frames[-1]) for part in parts if len(part.frames)], default=-1) + 1, np.int64)
    for part in parts:
        lengths[part.frames] = part.lengths
    begins = np.cumsum(lengths) - lengths
    whole = _empty_for(parts, int(lengths.sum()))
    for part in parts:
        own_begins = np.cumsum(part.lengths) - part.lengths
        at = np.repeat(begins[part.frames] - own_begins, part.lengths) + np.arange(len(part.columns))
        _put(whole, at, part.columns)
    return whole


def _empty_for(parts: Sequence[Part], length: int) -> Columns:
    """Return columns that hold nothing, with each column that a part has."""
    columns = [part.columns for part in parts]
    whole = Columns(columns[0].series, np.empty(length, np.int32), np.empty(length, np.int64), np.empty(length, np.float64))
    if any(each.exact is not None for each in columns):
        whole.exact = np.ma.MaskedArray(np.zeros(length, np.int64), np.ones(length, np.bool_))
    if any(each.text is not None for each in columns):
        whole.text = np.full(length, None, np.object_)
    if any(each.lon is not None for each in columns):
        whole.lon = np.full(length, np.nan)
    return whole


def _put(whole: Columns, at: npt.NDArray[np.int64], part: Columns) -> None:
    whole.index[at], whole.t_ns[at], whole.num[at] = part.index, part.t_ns, part.num
    if part.exact is not None and whole.exact is not None:
        whole.exact[at] = part.exact
    if part.text is not None and whole.text is not None:
        whole.text[at] = part.text
    if part.lon is not None and whole.lon is not None:
        whole.lon[at] = part.lon
