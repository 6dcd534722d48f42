"""The newest reading of each channel, durable and no older: the store's, joined with the journal above the store's cursor.

Owns the join and its bounds; keeps nothing, so that it is as right after a restart as before. Must not know HTTP. Called by web/latest.py.
"""

from collections.abc import Sequence
from typing import Final, Protocol, TypeVar

import trio

from hub.core.errors import Refusal
from hub.core.readings import data_of, points_in, readable_columns
from hub.core.records import RangeAnswer, Reading, Row, Series, StoredTo
from hub.core.selector import Selector
from hub.ports import HistoryStore
from hub.sessions.journals import HasChannels, JournalReader

MAX_SERIES: Final = 1_000
T = TypeVar("T")


class RowsOfAll(HasChannels, Protocol):
    """The newest rows of all nodes of a cluster."""

    async def ready(self, devices: frozenset[str] | None) -> None:
        """Return when there is all that can be had of them for devices, None for all."""

    async def upto(self) -> int:
        """Return a place above which no row will stand that was committed before this call."""

    def stored_to(self, answer: RangeAnswer, asked_s: float) -> StoredTo:
        """Return up to where an answer to a question of that time (monotonic) has everything."""

    async def rows_of(self, selector: Selector, after: int, upto: int) -> tuple[list[Row], int]:
        """Return rows that a selector wants with places in (after, upto], and up to where was looked."""


MAX_TAIL_ROWS: Final = 50_000  # of all devices, between the store's cursor and now: 10 s of a busy hub
OTHERS_S: Final = 30.0  # before a shared store shows what others wrote, at the latest; of rows that it shows already no harm comes


async def latest_readings(
    journal: JournalReader, history: HistoryStore, selector: Selector, of_all: RowsOfAll | None = None
) -> dict[Series, Reading]:
    """Return the newest reading of each channel that a selector wants, by its time; of a channel that changed its unit the newest of all.

    `of_all` has the rows of other nodes, too. Raises Refusal where too many match or the store is far behind, StoreUnavailable.
    """
    asked_s = trio.current_time()
    cursor = await history.cursor()  # before the store is asked: a reading that is in both is the same one
    found = await history.latest(_few([each for each in await history.list_series() if selector.matches(each)]))
    is_ours = cursor is not None and cursor.journal == journal.id
    after = max(cursor.position if cursor is not None and is_ours else 0, journal.first - 1)
    end = journal.position
    if end - after > MAX_TAIL_ROWS:
        said = f"the history store is {end - after:,} frames behind; the newest of more than {MAX_TAIL_ROWS:,} are not searched"
        raise Refusal("store_behind", said, "ask again when it has caught up, or watch live", 503)
    while after < end:
        rows = await journal.read(after)
        after = rows[-1].position
        _add(found, data_of(rows, selector), selector, journal)
    if of_all is not None:
        await of_all.ready(selector.devices)
        end = await of_all.upto()
        after = max(of_all.stored_to(RangeAnswer(cursor, others_s=OTHERS_S), asked_s).place, end - MAX_TAIL_ROWS)
        while after < end:
            rows, after = await of_all.rows_of(selector, after, end)
            _add(found, rows, selector, of_all)
    return _by_channel(found)


def _add(found: dict[Series, Reading], rows: Sequence[Row], selector: Selector, journal: HasChannels) -> None:
    """Add the newest readings of rows."""
    for series, points in points_in(readable_columns(rows, journal.channels)).items():
        newest = Reading(*max(points.items(), key=lambda point: point[0]))
        if selector.matches(series) and (series not in found or found[series].t_ns <= newest.t_ns):
            found[series] = newest


def _by_channel(found: dict[Series, Reading]) -> dict[Series, Reading]:
    newest: dict[tuple[str, str], Series] = {}
    for series, reading in found.items():
        other = newest.get((series.device, series.channel))
        if other is None or found[other].t_ns < reading.t_ns:
            newest[series.device, series.channel] = series
    return {series: found[series] for _, series in sorted(_few(list(newest.items())))}


def _few(found: list[T]) -> list[T]:
    """Return what was found. Raises Refusal where it is too much."""
    if len(found) > MAX_SERIES:
        raise Refusal("too_much", f"{len(found):,} channels match, the limit is {MAX_SERIES:,}", "name fewer devices or channels", 422)
    return found
