"""Which frame of the journal a reading of a batch came in: columns do not say, and only a parked reading needs to know.

Owns that search. Plain code; called by the history writer in its thread.
"""

from collections.abc import Sequence

from hub.core.columns import ChannelsOf, columns_of
from hub.core.records import WITH_READINGS, Row, RowKind


def positions_of(rows: Sequence[Row], channels_of: ChannelsOf, indexes: Sequence[int]) -> list[int]:
    """Return the position of the frame of each reading, by its index in the columns of these rows (data frames before packs).

    Some of n frames are found by decoding about 2n frames again, many of them together.
    """
    ordered = [row for row in rows if row.kind in WITH_READINGS]
    ordered.sort(key=lambda row: row.kind != RowKind.DATA)
    found: dict[int, int] = {}
    _search(ordered, channels_of, sorted(set(indexes)), 0, found)
    return [found[index] for index in indexes]


def _search(rows: Sequence[Row], channels_of: ChannelsOf, indexes: Sequence[int], begin: int, found: dict[int, int]) -> None:
    """Halve the frames, of which the first reading has the index `begin`, until each that is wanted is in one alone."""
    if not indexes:
        return
    if len(rows) == 1:
        found.update(dict.fromkeys(indexes, rows[0].position))
        return
    middle = len(rows) // 2
    border = begin + len(columns_of(rows[:middle], channels_of))
    _search(rows[:middle], channels_of, [index for index in indexes if index < border], begin, found)
    _search(rows[middle:], channels_of, [index for index in indexes if index >= border], border, found)
