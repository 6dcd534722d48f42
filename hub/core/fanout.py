"""Which mailboxes want which series of a committed batch.

Owns the register of interest and its memory of answers. Must not know buckets, sockets or stores. The live fan-out asks it once per
commit and series.
"""

from collections.abc import Iterable
from typing import Final, Generic, TypeVar

import numpy as np

from hub.core.records import WITH_READINGS, Columns, Row, Series
from hub.core.selector import Selector

Target = TypeVar("Target")
MAX_KNOWN: Final = 50_000  # remembered answers; at the limit they are all forgotten and asked anew


class Fanout(Generic[Target]):
    """Targets by selector."""

    def __init__(self) -> None:
        self._selectors: dict[Target, Selector] = {}
        self._devices: dict[str, bool] = {}
        self._series: dict[Series, tuple[Target, ...]] = {}

    def __len__(self) -> int:
        return len(self._selectors)

    def add(self, target: Target, selector: Selector) -> None:
        """Register a target."""
        self._selectors[target] = selector
        self._forget()

    def remove(self, target: Target) -> None:
        """Take a target out; unknown ones are ignored."""
        self._selectors.pop(target, None)
        self._forget()

    def wanted(self, rows: Iterable[Row]) -> list[Row]:
        """Return the rows with readings of devices that somebody watches."""
        return [row for row in rows if row.kind in WITH_READINGS and self._wants(row.device)]

    def targets(self, series: Series) -> tuple[Target, ...]:
        """Return who wants a series."""
        known = self._series.get(series)
        if known is None:
            if len(self._series) >= MAX_KNOWN:
                self._series.clear()
            known = tuple(target for target, selector in self._selectors.items() if selector.matches(series))
            self._series[series] = known
        return known

    def watched(self, columns: Columns) -> Columns:
        """Return the readings that somebody wants; the series stay as they are."""
        is_watched = np.array([bool(self.targets(series)) for series in columns.series], np.bool_)
        if is_watched.all():
            return columns
        keep = is_watched[columns.index]
        optional = {name: None if (column := getattr(columns, name)) is None else column[keep] for name in ("exact", "text", "lon")}
        return Columns(columns.series, columns.index[keep], columns.t_ns[keep], columns.num[keep], **optional)

    def _wants(self, device: str) -> bool:
        known = self._devices.get(device)
        if known is None:
            if len(self._devices) >= MAX_KNOWN:
                self._devices.clear()
            known = self._devices[device] = any(selector.wants(device) for selector in self._selectors.values())
        return known

    def _forget(self) -> None:
        self._devices.clear()
        self._series.clear()
