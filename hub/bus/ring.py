"""The newest rows of several journals in order of arrival here, each with a place of its own: places rise by one and are never reused.

Owns the bound in bytes, what a viewer's cursor means here, and that a frame which two nodes journaled is here once. Knows no clock and no
I/O; confluence.py feeds it.
"""

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

from hub.bus.inflow import Batch, Inflow
from hub.core.interest import ALL, Interest
from hub.core.records import WITH_READINGS, Row, as_row

ROW_BYTES: Final = 300  # of a row beside its body
MAX_EPOCHS: Final = 200_000  # of which it is known which frames came; the longest known are forgotten first
MAX_SPANS: Final = 16  # of frames with readings that follow on each other, for each epoch and journal: the newest
MAX_ENDED: Final = 16  # journals that came to their end and are named in every cursor: the newest
Span = list[int]  # first and last seq


class Ring:
    """The rows, at most about `max_bytes` of them."""

    def __init__(self, max_bytes: int) -> None:
        self.position = 0  # place of the newest row
        self.size_bytes = 0
        self.inflows: dict[str, Inflow] = {}
        self._max_bytes = max_bytes
        self._batches: list[tuple[str, Batch]] = []
        self._gone = 0
        self._ended: dict[str, None] = {}
        self._spans: OrderedDict[tuple[str, int], dict[str, list[Span]]] = OrderedDict()  # by (device, epoch), then by journal

    @property
    def first(self) -> int:
        """The lowest place that is still there, or the next one."""
        return self._batches[self._gone][1].place if self._gone < len(self._batches) else self.position + 1

    def begin(self, journal: str, after: int, missing_us: tuple[int, int] | None = None, interest: Interest = ALL) -> None:
        """Take rows of a journal from now on, those after a position; of those before it the store lacks some of between two times."""
        self.inflows.setdefault(journal, Inflow(after, interest)).begin_anew(after, missing_us)

    def end(self, journal: str, position: int) -> None:
        """Take no more rows of a journal, of which the store has all up to its end.

        It stays known for a while: who has less of it, or never heard of it, cannot go on here.
        """
        self.begin(journal, position)
        self.inflows[journal].end(position)
        self._ended[journal] = None
        if len(self._ended) > MAX_ENDED:
            del self._ended[next(iter(self._ended))]

    def forget_end(self, journal: str) -> None:
        """Forget that a journal came to its end."""
        self._ended.pop(journal, None)

    def may_forget(self, journal: str) -> bool:
        """Tell whether nothing of a journal is here that a cursor depends on."""
        return self.inflows[journal].is_empty and journal not in self._ended

    def forget(self, journal: str) -> None:
        """Know nothing of a journal any more, none of whose rows is here."""
        del self.inflows[journal]

    def append(self, journal: str, rows: Sequence[Row], looked: int) -> list[Row]:
        """Take what is new of rows of a journal, of which everything up to `looked` is among them; return it with its places.

        They follow on those before without a hole.
        """
        inflow = self.inflows[journal]
        known, inflow.looked = inflow.looked, max(inflow.looked, looked)
        devices = inflow.interest.devices
        wanted = rows if devices is None else [row for row in rows if row.device in devices]
        found = [row for row in wanted if row.position > known and row.kind in WITH_READINGS]
        return self._add(journal, self._that_are_new(journal, found), inflow.add)

    def append_past(self, journal: str, rows: Sequence[Row]) -> list[Row]:
        """Take of rows of a journal those that were not wanted when it was their turn; return them with their places."""
        inflow = self.inflows[journal]
        known = inflow.positions_above(rows[0].position - 1) if rows else set()
        found = [row for row in rows if inflow.base < row.position <= inflow.looked and row.position not in known]
        return self._add(journal, self._that_are_new(journal, found), inflow.add_past)

    def _add(self, journal: str, fresh: Sequence[Row], add: Callable[[Batch], None]) -> list[Row]:
        if not fresh:
            return []
        batch = Batch(self.position + 1, fresh, sum([len(row.body) for row in fresh]) + len(fresh) * ROW_BYTES)
        add(batch)
        self._batches.append((journal, batch))
        self.size_bytes += batch.size_bytes
        self.position = batch.last
        self._evict()
        return _placed(batch, 0, len(fresh))

    def read(self, after: int, max_rows: int = 1_000, max_bytes: int = 4_194_304) -> list[Row]:
        """Return rows above a place, at least one where there is one."""
        at = max(self._gone, bisect_right(self._batches, after, lo=self._gone, key=_last))
        rows: list[Row] = []
        size_bytes = 0
        while at < len(self._batches) and len(rows) < max_rows and size_bytes < max_bytes:
            batch = self._batches[at][1]
            rows += _placed(batch, max(0, after + 1 - batch.place), max_rows - len(rows))
            size_bytes += batch.size_bytes
            at += 1
        return rows

    def rows_of(
        self, devices: Collection[str] | None, after: int, upto: int, max_rows: int = 1_000, max_looked: int = 20_000
    ) -> tuple[list[Row], int]:
        """Return rows of devices, None for all, with places in (after, upto], and up to where was looked: a part where it is far."""
        looked = max(after, self.first - 1)
        at = max(self._gone, bisect_right(self._batches, looked, lo=self._gone, key=_last))
        rows: list[Row] = []
        while looked < min(upto, self.position) and len(rows) < max_rows and looked - after < max_looked:
            batch = self._batches[at][1]
            begin = looked + 1 - batch.place
            some = batch.rows[begin : min(begin + max_rows, upto + 1 - batch.place)]
            rows += [as_row((place, *row[1:])) for place, row in enumerate(some, looked + 1) if devices is None or row.device in devices]
            looked += len(some)
            at += looked == batch.last
        return rows, looked

    def place_of(self, marks: Mapping[str, int], devices: frozenset[str] | None = None) -> int | None:
        """Return the highest place at which nothing is above these positions of the journals; None where rows between are not here.

        What matters is whether those of `devices` are, None for all.
        """
        places = [self.position]
        if not marks.keys() <= self.inflows.keys():
            return None
        for journal, inflow in self.inflows.items():
            mark = marks.get(journal, 0)
            since = inflow.complete_from(devices)
            if since is None or mark < since:
                return None
            if (above := inflow.place_above(mark)) is not None:
                places.append(above - 1)
        place = min(places)
        return place if place >= self.first - 1 else None

    def known_above(self, marks: Mapping[str, int], place: int) -> frozenset[int]:
        """Return the places above one at which nothing is above these positions of the journals: arrival has another order elsewhere."""
        found = set[int]()
        for journal, batch in self._batches[max(self._gone, bisect_right(self._batches, place, lo=self._gone, key=_last)) :]:
            known = bisect_right(batch.rows, marks.get(journal, 0), key=lambda row: row.position)
            found.update(range(max(batch.place, place + 1), batch.place + known))
        return frozenset(found)

    def marks_at(self, place: int) -> dict[str, int]:
        """Return of each journal the position up to which everything stands at a place or below it; -1 of a place that is none."""
        return {journal: -1 if place < 0 else inflow.position_at(place) for journal, inflow in self.inflows.items()}

    def below(self, journal: str, position: int) -> int:
        """Return the highest place at which nothing of a journal is above a position."""
        above = self.inflows[journal].place_above(position)
        return self.position if above is None else above - 1

    def _that_are_new(self, journal: str, found: Sequence[Row]) -> list[Row]:
        fresh = [row for row in found if self._is_new(journal, row)]
        if len(fresh) < len(found):
            doubled = next((row.position for row, each in zip(found, fresh, strict=False) if row is not each), found[len(fresh)].position)
            self.inflows[journal].leave_out(doubled, self.position, self.first)
        return fresh

    def _is_new(self, journal: str, row: Row) -> bool:
        """Tell whether no other journal had this frame here: one that was not acked by a node that died comes again by another."""
        key = (row.device, row.epoch)
        spans = self._spans.get(key)
        if spans is None:
            spans = self._spans[key] = {}
            if len(self._spans) > MAX_EPOCHS:
                self._spans.popitem(last=False)
        own = spans.setdefault(journal, [])
        if own and own[-1][1] == row.seq - 1:
            own[-1][1] = row.seq
        else:
            own.append([row.seq, row.seq])
            del own[:-MAX_SPANS]
        if len(spans) == 1:
            return True
        return not any(first <= row.seq <= last for name, those in spans.items() if name != journal for first, last in those)

    def _evict(self) -> None:
        while self.size_bytes > self._max_bytes and self._gone < len(self._batches) - 1:
            journal, batch = self._batches[self._gone]
            self._gone += 1
            self.size_bytes -= batch.size_bytes
            self.inflows[journal].leave(batch)
        if self._gone * 2 > len(self._batches):
            del self._batches[: self._gone]
            self._gone = 0


def _last(each: tuple[str, Batch]) -> int:
    return each[1].last


def _placed(batch: Batch, skipped: int, most: int) -> list[Row]:
    """Return rows of a batch with their places for positions."""
    return [as_row((place, *row[1:])) for place, row in enumerate(batch.rows[skipped : skipped + most], batch.place + skipped)]
