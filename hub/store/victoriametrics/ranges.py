"""Ranges of time out of VictoriaMetrics, in parts: so many readings at once that memory and the server's own limits stay far away.

Owns how a range is cut: parts grow over empty stretches and shrink where readings are dense. Every bound is [from, to) in ms; PromQL's
windows are (start, end], so a part is asked at its last ms. Used by store.py.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, TypeVar

from hub.core.records import Buckets, Series
from hub.ports import StoreRefused
from hub.store.victoriametrics import answers
from hub.store.victoriametrics.answers import Points
from hub.store.victoriametrics.limits import OLDEST_MS
from hub.store.victoriametrics.questions import Questions, TooMuch
from hub.store.victoriametrics.selecting import selectors, series_of

T = TypeVar("T")
HOUR_MS: Final = 3_600_000
MAX_POINTS: Final = 200_000  # readings of one part, 10 MB while they are read
MAX_BUCKETS: Final = 200_000  # of one part, over all series; of one series the server gives 30,000
MAX_STEPS: Final = 10_000
MAX_SERIES: Final = 256  # asked together where pages are read series by series
DENSE: Final = 5_000_000  # readings that one part of buckets is made of: some 0.2 s of the server
GROW: Final = 8
LEAST_MS: Final = 1_000  # who refuses so little does not refuse for the readings in it
_ALL: Final = f"({', '.join(repr(name) for name in answers.FUNCTIONS)})".replace("'", '"')
_LAST: Final = '("last_over_time", "tlast_over_time")'
_LOOK_BACK_MS: Final = (HOUR_MS, 24 * HOUR_MS, 30 * 24 * HOUR_MS, 400 * 24 * HOUR_MS, 2**42)


class Ranges:
    """Questions about stretches of time."""

    def __init__(self, questions: Questions) -> None:
        self._questions = questions

    async def count(self, chosen: Sequence[str], from_ms: int, to_ms: int) -> int | None:
        """Return how many readings there are; None where they are more than the server counts. Raises StoreRefused."""
        try:
            asked = [f"sum(count_over_time({each}[{to_ms - from_ms}ms]))" for each in chosen]
            return sum([await self._questions.query(each, to_ms - 1, _sum) for each in asked])
        except TooMuch as error:
            if to_ms - from_ms <= LEAST_MS:
                raise StoreRefused(f"VictoriaMetrics refused a query: {error}") from error
            return None

    async def points(self, wanted: Sequence[Series], from_ms: int, to_ms: int) -> dict[Series, Points]:
        """Return every reading of a part."""
        found: dict[Series, Points] = {}
        asked = frozenset(wanted)

        def take(line: Any) -> None:
            if (series := series_of(line["metric"])) in asked and series is not None:
                found[series] = answers.points_of(line)

        if wanted and to_ms > from_ms:
            try:
                await self._questions.export(selectors(wanted), from_ms, to_ms, take)
            except TooMuch as error:
                raise StoreRefused(f"VictoriaMetrics refused a query: {error}") from error
        return found

    async def newest(self, wanted: Sequence[Series], from_ms: int, to_ms: int, limit: int) -> list[dict[Series, Points]]:
        """Return readings in parts, the newest part first, until they are more than `limit` or the range is through."""
        chosen, parts = selectors(wanted), list[dict[Series, Points]]()
        end, span, total = to_ms, HOUR_MS, 0
        while chosen and end > from_ms and total <= limit:
            begin = max(from_ms, end - span)
            count = await self.count(chosen, begin, end)
            if not _fits(count, end - begin):
                span = _shorter(count, end - begin)
                continue
            if count:
                parts.append(await self.points(wanted, begin, end))
                total += sum(len(t_ns) for t_ns, _ in parts[-1].values())
            end, span = begin, _longer(count, span)
        return parts

    async def oldest(self, wanted: Sequence[Series], from_ms: int, to_ms: int, first_from_ms: int, limit: int) -> dict[Series, Points]:
        """Return the first `limit` readings in the order of `wanted`, then of time; of the first series those from first_from_ns on."""
        found: dict[Series, Points] = {}
        at, together, left = 0, 0, limit
        while at < len(wanted) and left > 0:
            some = await self._that_fit(wanted[at : at + together], from_ms, to_ms, left) if together else []
            if some:
                part = await self.points(some, from_ms, to_ms)
            else:
                some = wanted[at : at + 1]
                part = await self._first(some[0], first_from_ms if at == 0 else from_ms, to_ms, left)
            found |= part
            took = sum(len(t_ns) for t_ns, _ in part.values())
            left -= took
            at += len(some)
            together = min(MAX_SERIES, max(1, together) * 4) if took * 4 <= left else 0
        return found

    async def _that_fit(self, some: Sequence[Series], from_ms: int, to_ms: int, limit: int) -> Sequence[Series]:
        """Return as many of the first series as have `limit` readings at most; none where the server would not count them."""
        counts: dict[Series, int] = {}
        try:
            for each in selectors(some):
                counts |= await self._questions.query(f"count_over_time({each}[{to_ms - from_ms}ms])", to_ms - 1, _counts)
        except TooMuch:
            return []
        total, fitting = 0, 0
        for series in some:
            total += counts.get(series, 0)
            if total > min(limit, MAX_POINTS):
                break
            fitting += 1
        return some[:fitting]

    async def _first(self, series: Series, from_ms: int, to_ms: int, limit: int) -> dict[Series, Points]:
        """Return the first readings of one series."""
        chosen, parts = selectors([series]), list[Points]()
        begin, span, total = from_ms, HOUR_MS, 0
        while begin < to_ms and total < limit:
            end = min(to_ms, begin + span)
            count = await self.count(chosen, begin, end)
            if not _fits(count, end - begin):
                span = _shorter(count, end - begin)
                continue
            if count and series in (part := await self.points([series], begin, end)):
                parts.append(part[series])
                total += len(parts[-1][0])
            begin, span = end, _longer(count, span)
        return {series: answers.concatenated(parts, limit)} if parts else {}

    async def buckets(self, wanted: Sequence[Series], from_ms: int, to_ms: int, width_ms: int, limit: int) -> dict[Series, Buckets]:
        """Return the newest buckets, a few more than `limit` where there are as many. from_ms is a multiple of the width."""
        found: dict[Series, Buckets] = {}
        most_ms = max(1, min(MAX_STEPS, MAX_BUCKETS // max(1, len(wanted)))) * width_ms
        end, total, span = to_ms, 0, min(most_ms, max(width_ms, 24 * HOUR_MS // width_ms * width_ms))
        while wanted and end > from_ms and total <= limit:
            bucket_ms = (end - 1) // width_ms * width_ms  # where the last bucket begins
            begin = max(from_ms, end - span) if end % width_ms == 0 and span >= width_ms else max(bucket_ms, end - span)
            try:
                part = await self._buckets(wanted, begin, end, width_ms)
            except TooMuch as error:
                if end - begin <= LEAST_MS:
                    raise StoreRefused(f"VictoriaMetrics refused a query: {error}") from error
                span = _quarter(end - begin, width_ms)
                continue
            for series, newer in part.items():
                found[series] = answers.joined(newer, found.get(series))
            made_of = sum(int(each.count.sum()) for each in part.values())
            total = sum(len(each.count) for each in found.values())
            end = begin if part or begin % width_ms else await self._before_empty(wanted, from_ms, begin, max(width_ms, span))
            if made_of > DENSE:
                span = _quarter(span, width_ms)
            elif made_of * 4 < DENSE:
                span = min(most_ms, span * 4 if span >= width_ms else width_ms)
        return found

    async def _buckets(self, wanted: Sequence[Series], from_ms: int, to_ms: int, width_ms: int) -> dict[Series, Buckets]:
        """Return whole buckets, or one that ends before its time."""
        window = min(width_ms, to_ms - from_ms)
        shape = partial(answers.buckets_of, wanted=frozenset(wanted), width_ms=width_ms)
        found: dict[Series, Buckets] = {}
        for each in selectors(wanted):
            query = f"aggr_over_time({_ALL}, {each}[{window}ms])"
            if to_ms - from_ms <= width_ms:
                found |= await self._questions.query(query, to_ms - 1, shape)
            else:
                found |= await self._questions.query_range(query, from_ms + width_ms - 1, to_ms - 1, width_ms, shape)
        return found

    async def _before_empty(self, wanted: Sequence[Series], from_ms: int, end: int, span: int) -> int:
        """Return an end before which there may be readings again, some multiple of `span` back."""
        chosen = selectors(wanted)
        while end > from_ms:
            span *= GROW
            begin = max(from_ms, end - span)
            if await self.count(chosen, begin, end) != 0:
                break
            end = begin
        return end

    async def latest(self, wanted: Sequence[Series], now_ms: int, until_ms: int) -> dict[Series, tuple[int, float]]:
        """Return time in ms and number of the newest reading of each; it looks back further only for those it has not found."""
        found: dict[Series, tuple[int, float]] = {}
        missing = set(wanted)
        for back_ms in _LOOK_BACK_MS:
            for each in selectors(sorted(missing)):
                newest = await self.last(each, until_ms, until_ms - max(OLDEST_MS, now_ms - back_ms))
                found |= {series: last for series, last in newest.items() if series in missing}
            missing -= found.keys()
            if not missing:
                break
        return found

    async def last(self, selector: str, until_ms: int, window_ms: int) -> dict[Series, tuple[int, float]]:
        """Return time in ms and number of the newest reading in (until - window, until] of each series that a selector matches."""
        return await self.last_of(selector, until_ms, window_ms, _lasts)

    async def last_of(self, selector: str, until_ms: int, window_ms: int, shape: Callable[[list[Any]], T]) -> T:
        """Return what `shape` makes of the server's answer to `last`, whatever labels it has."""
        try:
            return await self._questions.query(f"aggr_over_time({_LAST}, {selector}[{window_ms}ms])", until_ms, shape)
        except TooMuch as error:
            raise StoreRefused(f"VictoriaMetrics refused a query: {error}") from error


def _sum(found: Sequence[Any]) -> int:
    return int(float(found[0]["value"][1])) if found else 0


def _counts(found: Sequence[Any]) -> dict[Series, int]:
    named = ((series_of(each["metric"]), each["value"][1]) for each in found)
    return {series: int(float(count)) for series, count in named if series is not None}


def _lasts(found: Sequence[Any]) -> dict[Series, tuple[int, float]]:
    parts: dict[Series, dict[str, float]] = {}
    for each in found:
        if (series := series_of(each["metric"])) is not None:
            parts.setdefault(series, {})[each["metric"]["rollup"]] = float(each["value"][1])
    return {series: (round(both["tlast_over_time"] * 1_000), both["last_over_time"]) for series, both in parts.items()}


def _quarter(span_ms: int, width_ms: int) -> int:
    """Return a quarter, of whole buckets as long as it has one."""
    quarter_ms = span_ms // 4
    return max(1, quarter_ms) if span_ms <= width_ms else max(width_ms, quarter_ms // width_ms * width_ms)


def _fits(count: int | None, length_ms: int) -> bool:
    return length_ms <= 1 or (count is not None and count <= MAX_POINTS)


def _shorter(count: int | None, length_ms: int) -> int:
    return max(1, length_ms // (GROW if count is None else count // MAX_POINTS + 1))


def _longer(count: int | None, span_ms: int) -> int:
    return span_ms * GROW if (count or 0) * GROW <= MAX_POINTS else span_ms
