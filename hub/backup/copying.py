"""The history carried from one store to another: every reading, counted and compared, and whatever could not be carried by name.

Owns the copying and the comparison; knows stores by their port alone. The hub does not run meanwhile. Called by migration.py.
"""

import secrets
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import numpy as np
import numpy.typing as npt
import trio

from hub.backup.alike import Tally, part_of
from hub.backup.nearness import is_near
from hub.backup.pages import FROM_NS, first_of_each, pages, patiently
from hub.core.errors import Refusal
from hub.core.records import Columns, Cursor, Refused, Series
from hub.ports import HistoryStore, Now, StoreRefused

_BATCH: Final = 10_000  # readings of one append: a request of about a MB
_TEND_EVERY: Final = 500_000  # readings
_SHOWS_WITHIN_S: Final = 60.0  # how long a database may hide what it has taken
_LOOK_EVERY_S: Final = 1.0
OLDER: Final = "older than keep_raw_days allows"
COARSER: Final = "another reading of the series is in the same stretch of the store's resolution"
Shown = Callable[[str, int, int], None]


@dataclass(slots=True)
class Carried:
    """What a copy came to."""

    tally: Tally = field(default_factory=Tally)  # what the target must hold now
    found: Tally = field(default_factory=Tally)  # what it holds
    left: dict[str, Counter[Series]] = field(default_factory=dict)  # reason -> readings of each series that were not carried
    different: list[Series] = field(default_factory=list)  # series whose count or values are not the same
    by_value: list[Series] = field(default_factory=list)  # series whose checksums differ by the digits that the target keeps

    def leave(self, reason: str, columns: Columns, chosen: npt.NDArray[np.bool_]) -> None:
        """Note readings that are not carried."""
        for at, count in enumerate(np.bincount(columns.index[chosen], minlength=len(columns.series)).tolist()):
            if count:
                self.left.setdefault(reason, Counter())[columns.series[at]] += count


class Carrier:
    """Carries readings from a store into another."""

    def __init__(self, source: HistoryStore, target: HistoryStore, now: Now, shown: Shown) -> None:
        self.carried = Carried()
        self._source, self._target = source, target
        self._now, self._shown = now, shown
        self._resolution_ns = max(source.resolution_ns, target.resolution_ns)
        self._is_rounded = target.resolution_ns > 1  # VictoriaMetrics has milliseconds, and not all digits
        # A journal of its own: a batch moves a cursor, and the hub's is moved once, when everything is there. A new one each time, so
        # that a store in which an earlier try has left readings looks for them.
        self._journal = f"migrate:{secrets.token_hex(8)}"
        self._position = 0
        self._since_tend = 0

    async def carry(self, series: Sequence[Series], from_ns: int, without: Callable[[Columns], npt.NDArray[np.bool_]] | None) -> None:
        """Copy the series; readings before `from_ns` are left, and those that `without` tells are the hub's to bring.

        The same readings again change nothing. Raises StoreUnavailable after five minutes of patience.
        """
        total = int((await self._source.statistics()).get("readings", 0))
        done, before = 0, None
        async with aclosing(pages(self._source, series)) as read:
            async for columns in read:
                if not len(columns):
                    continue
                is_first = first_of_each(columns, self._resolution_ns, before)
                before = (columns.series[int(columns.index[-1])], int(columns.t_ns[-1]) // self._resolution_ns)
                is_old = columns.t_ns < from_ns
                self.carried.leave(OLDER, columns, is_old)
                self.carried.leave(COARSER, columns, ~is_first & ~is_old)
                chosen = is_first & ~is_old
                if without is not None:
                    chosen &= ~without(columns)
                await self._put(part_of(columns, chosen))
                done += len(columns)
                self._shown("copy", done, total)

    async def _put(self, columns: Columns) -> None:
        for begin in range(0, len(columns), _BATCH):
            await self._append(part_of(columns, slice(begin, begin + _BATCH)))
        self._since_tend += len(columns)
        if self._since_tend >= _TEND_EVERY:
            self._since_tend = 0
            await patiently(partial(self._target.tend, self._now()))

    async def _append(self, columns: Columns) -> None:
        """Append, and halve what the server refuses until the reading that is to blame stands alone."""
        self._position += 1
        cursor = Cursor(self._journal, self._position)
        try:
            refused = await patiently(partial(self._target.append, columns, cursor), self._check_that_nothing_is_lost)
        except StoreRefused as error:
            if len(columns) == 1:
                self.carried.leave(str(error)[:300], columns, np.ones(1, np.bool_))
                return
            middle = len(columns) // 2
            await self._append(part_of(columns, slice(0, middle)))
            await self._append(part_of(columns, slice(middle, None)))
            return
        self.carried.tally.add(self._without(columns, refused), self._resolution_ns, is_rounded=self._is_rounded)

    async def _check_that_nothing_is_lost(self) -> None:
        """Raise Refusal where the target went back: a database was killed, and has lost what it took last."""
        cursor = await self._target.cursor()
        if self._position > 1 and (cursor is None or cursor.journal != self._journal or cursor.position < self._position - 1):
            said = f"{self._target.name} was started anew and has lost what it took last"
            raise Refusal("store_lost", said, "run the same command again with --again: what is there stays")

    def _without(self, columns: Columns, refused: Sequence[Refused]) -> Columns:
        if not refused:
            return columns
        is_kept = np.ones(len(columns), np.bool_)
        for each in refused:
            alone = np.zeros(len(columns), np.bool_)
            alone[each.index] = True
            self.carried.leave(each.reason, columns, alone)
            is_kept[each.index] = False
        return part_of(columns, is_kept)

    async def compare(self, from_ns: int = FROM_NS) -> None:
        """Read back what the target has, and note the series that differ; a database may need a while to show what it took."""
        deadline_s = trio.current_time() + _SHOWS_WITHIN_S
        carried, wanted = self.carried, sorted(self.carried.tally.counts)
        while True:
            await self._look(wanted, from_ns)
            wanted = carried.tally.other_than(carried.found, wanted)
            lacking = [each for each in wanted if carried.found.counts.get(each, 0) < carried.tally.counts[each]]
            if not lacking or self._target.syncs_before_it_answers or trio.current_time() > deadline_s:
                break
            await trio.sleep(_LOOK_EVERY_S)
        for each in wanted:
            is_counted = carried.found.counts.get(each, 0) == carried.tally.counts[each]
            if self._is_rounded and is_counted and await is_near(self._source, self._target, each, from_ns):
                carried.by_value.append(each)
            else:
                carried.different.append(each)

    async def _look(self, series: Sequence[Series], from_ns: int) -> None:
        found, total = self.carried.found, sum(self.carried.tally.counts.values())
        for each in series:
            found.counts.pop(each, None)
            found.sums.pop(each, None)
        async with aclosing(pages(self._target, series, from_ns)) as read:
            async for columns in read:
                found.add(columns, self._resolution_ns, is_rounded=self._is_rounded)
                self._shown("compare", sum(found.counts.values()), total)

    async def hand_over(self, cursor: Cursor | None) -> None:
        """Give the target the hub's cursor, and return when that and every reading would survive a crash of it."""
        if cursor is not None:
            none = Columns([], np.zeros(0, np.int32), np.zeros(0, np.int64), np.zeros(0, np.float64))
            await patiently(partial(self._target.append, none, cursor))
        while cursor is not None and await patiently(self._target.make_safe) != cursor:
            self._shown("until it is on the database's disk", 0, 0)
            await trio.sleep(_LOOK_EVERY_S)
