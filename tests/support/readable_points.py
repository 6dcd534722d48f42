"""A store of points that can be read in pages, as databases can: for tests that carry a history from one store to another.

Owns `read` on top of PointStore; its times are the points' own, so a store of milliseconds gives back milliseconds.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from hub.core.records import Columns, Series
from tests.support.point_store import PointStore


class ReadablePoints(PointStore):
    """A PointStore with pages."""

    async def read(self, series: Sequence[Series], from_ns: int, to_ns: int, first_from_ns: int, max_readings: int) -> Columns:
        """Return the first points of a range, series by series, oldest first."""
        await self._asked()
        order = {each: at for at, each in enumerate(series)}
        found = [(order[each], key * self.resolution_ns, value) for (each, key), value in self.points.items() if each in order]
        found = sorted((at, t_ns, value) for at, t_ns, value in found if from_ns <= t_ns < to_ns and (at > 0 or t_ns >= first_from_ns))[
            :max_readings
        ]
        return columns(series, [(at, t_ns, value) for at, t_ns, value in found])


def columns(series: Sequence[Series], found: Sequence[tuple[int, int, Any]]) -> Columns:
    """Return readings (index of the series, point key, value) as columns: numbers, integers, booleans, texts, positions."""
    values = [value for _, _, value in found]
    whole = [isinstance(value, int) for value in values]
    made = Columns(
        list(series),
        np.array([at for at, _, _ in found], np.int32),
        np.array([t_ns for _, t_ns, _ in found], np.int64),
        np.array([_number(value) for value in values], np.float64),
    )
    if any(whole):
        exact = np.array([int(value) if is_whole else 0 for value, is_whole in zip(values, whole, strict=True)], np.int64)
        made.exact = np.ma.MaskedArray(exact, [not is_whole for is_whole in whole])
    if any(isinstance(value, str | list) for value in values):
        made.text = np.array([*[value if isinstance(value, str) else None for value in values], None], np.object_)[:-1]
        made.lon = np.array([value[1] if isinstance(value, list) else np.nan for value in values], np.float64)
    return made


def _number(value: Any) -> float:
    if isinstance(value, str):
        return float("nan")
    return float(value[0] if isinstance(value, list) else value)
