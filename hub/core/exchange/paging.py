"""Where a page of readings ends and the next one begins: what exports read a store by.

Owns that arithmetic over HistoryStore.read's answers, which go series by series: no reading is given twice, none is left out. Plain code.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hub.core.records import Columns, Series


@dataclass(frozen=True, slots=True)
class Place:
    """Where to read on: these series, of the first of them only from a point key on."""

    series: Sequence[Series]
    first_from_ns: int


def cut(place: Place, page: Columns, max_readings: int) -> tuple[Columns, Place | None]:
    """Return what of a page to use, and where the next one begins; None: there is no more.

    Readings with the last point key of a full page are left for the next, as more of them may follow.
    """
    if len(page) < max_readings:
        return page, None
    last = page.series[page.index[-1]]
    at = place.series.index(last)
    t_ns = int(page.t_ns[-1])
    is_tail = (page.index == page.index[-1]) & (page.t_ns == t_ns)
    if is_tail.all():
        return page, Place(place.series[at:], t_ns + 1)  # more of one point than a page holds: no store keeps so many
    return _where(page, ~is_tail), Place(place.series[at:], t_ns)


def _where(page: Columns, keep: "np.typing.NDArray[np.bool_]") -> Columns:
    optional = {name: None if (column := getattr(page, name)) is None else column[keep] for name in ("exact", "text", "lon")}
    return Columns(page.series, page.index[keep], page.t_ns[keep], page.num[keep], **optional)
