"""Questions to InfluxDB in worker threads: as many queries as the series need, two at once, their answers put together.

Owns the threads for queries and how a range is narrowed to its newest readings before they are fetched. flux.py has the text, tables.py
the reading, answers.py the values. Used by store.py.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, TypeVar

import numpy as np
from influxdb_client.domain.dialect import Dialect

from hub.core.records import Buckets, Cursor, Reading, Series
from hub.store.calls import Calls, Client
from hub.store.failures import Database
from hub.store.influxdb import flux
from hub.store.influxdb.answers import buckets_of, readings_of
from hub.store.influxdb.flux import Fields
from hub.store.influxdb.tables import Found, Tables, read_tables, series_of

T = TypeVar("T")
THREADS: Final = 2
TIMEOUT_S: Final = 30.0
ROW_BYTES: Final = 600  # of an answer at most, but for names and texts of the greatest length
MAX_BYTES: Final = 512 << 20  # of one answer
FEW_SERIES: Final = 4  # whose newest readings are fetched without counting first
_WINDOWS: Final = 64
_ROUNDS: Final = 8  # 64 ** 8 ns are 9,000 years
_DIALECT: Final[Any] = Dialect(header=True, delimiter=",", annotations=[], comment_prefix="#", date_time_format="RFC3339Nano")  # type: ignore[no-untyped-call]


class Asking:
    """The queries of one bucket."""

    def __init__(self, database: Database, org: str, bucket: str, token: str | None, *, timeout_s: float = TIMEOUT_S) -> None:
        self.queries = 0
        self._bucket = bucket
        self._org = org
        self._calls = Calls(database, org, token, threads=THREADS, timeout_s=timeout_s)

    async def newest(self, series: Sequence[Series], from_ns: int, to_ns: int, limit: int) -> dict[Series, list[Reading]]:
        """Return at least the newest `limit` readings over all series where there are so many, oldest first."""
        if len(series) > FEW_SERIES:
            from_ns = await self._narrowed(series, from_ns, to_ns, limit)
        fields = flux.fields_of(series)
        texts = [flux.newest(self._bucket, where, fields, from_ns, to_ns, limit) for where in flux.clauses(series)]
        return await self._readings(series, texts, limit * min(len(series), 16))

    async def tail(self, series: Sequence[Series], from_ns: int, to_ns: int, limit: int) -> dict[Series, list[Reading]]:
        """Return every reading of a short range. Raises StoreUnavailable where they are more than `limit`."""
        fields = flux.fields_of(series)
        texts = [flux.newest(self._bucket, where, fields, from_ns, to_ns, limit) for where in flux.clauses(series)]
        return await self._readings(series, texts, limit)

    async def latest(self, series: Sequence[Series]) -> dict[Series, Reading]:
        """Return the newest reading of each."""
        fields = flux.fields_of(series)
        texts = [flux.latest(self._bucket, where, fields) for where in flux.clauses(series)]
        found = await self._readings(series, texts, 4 * len(series))
        return {each: readings[-1] for each, readings in found.items()}

    async def first(self, series: Sequence[Series], from_ns: int, to_ns: int, limit: int) -> dict[Series, list[Reading]]:
        """Return the oldest readings of each series, `limit` of each."""
        fields = flux.fields_of(series)
        texts = [flux.oldest(self._bucket, where, fields, from_ns, to_ns, limit) for where in flux.clauses(series)]
        return await self._readings(series, texts, limit * len(series))

    async def buckets(self, series: Sequence[Series], from_ns: int, to_ns: int, width_us: int, limit: int) -> dict[Series, Buckets]:
        """Return the newest buckets of each series, `limit` of each."""
        wanted, fields = set(series), flux.fields_of(series)
        answer: dict[Series, Buckets] = {}
        for where in flux.clauses(series):
            text = flux.buckets(self._bucket, where, fields, from_ns, to_ns, width_us, limit)
            found = await self._ask(text, 8 * limit * len(series), lambda tables: _buckets(tables, wanted, width_us))
            answer.update(found)
        return answer

    async def counts(self, series: Sequence[Series], from_ns: int, to_ns: int) -> dict[Series, int]:
        """Return how many readings each series has."""
        counted: dict[Series, int] = {}
        for where in flux.clauses(series):
            for row in (await self._ask(flux.count(self._bucket, where, from_ns, to_ns), 3 * len(series), _rows)).get("count", []):
                if (each := series_of(row)) is not None:
                    counted[each] = counted.get(each, 0) + int(row["_value"])
        return {each: counted[each] for each in series if each in counted}

    async def all_series(self) -> set[Series]:
        """Return every series that has a reading."""
        rows = await self._ask(flux.all_series(self._bucket), 1_000_000, _rows)
        return {series for row in rows.get("series", []) if (series := series_of(row)) is not None}

    async def has_older(self, t_ns: int) -> bool:
        """Tell whether the bucket holds any point before a time, also somebody else's."""
        return "older" in await self._ask(flux.older(self._bucket, t_ns), 10, _rows)

    async def cursors(self) -> list[tuple[int, Cursor]]:
        """Return the cursor of each journal and when it was written, in µs."""
        parts: dict[str, dict[str, int]] = {}
        for row in (await self._ask(flux.cursors(self._bucket), 10_000, _rows)).get("cursor", []):
            parts.setdefault(row["journal"], {})[row["_field"]] = int(row["_value"])
        return [(part["written_us"], Cursor(journal, part["position"])) for journal, part in parts.items() if len(part) == 2]

    async def aclose(self) -> None:
        """Close the connections; idempotent."""
        await self._calls.aclose()

    async def _readings(self, series: Iterable[Series], texts: Iterable[str], rows: int) -> dict[Series, list[Reading]]:
        wanted = set(series)
        answer: dict[Series, list[Reading]] = {}
        for text in texts:
            answer.update(await self._ask(text, 3 * rows, lambda tables: readings_of(_only(tables.of("raw"), wanted))))
        return answer

    async def _narrowed(self, series: Sequence[Series], from_ns: int, to_ns: int, limit: int) -> int:
        """Return a time from which on there are `limit` readings and not many more; `from_ns` where there are fewer."""
        wheres, fields = list(flux.clauses(series)), flux.fields_of(series)
        newer = 0  # than the stretch that is looked into
        for _ in range(_ROUNDS):
            found = await self._counts(wheres, fields, from_ns, to_ns)
            starts_ns = sorted(found, reverse=True)
            at = 0
            while at < len(starts_ns) and newer + found[starts_ns[at]] <= limit:
                newer += found[starts_ns[at]]
                at += 1
            if at == len(starts_ns):
                break
            every = _every_ns(from_ns, to_ns)
            from_ns, to_ns = max(from_ns, starts_ns[at]), min(to_ns, starts_ns[at] + every)
            if newer + found[starts_ns[at]] <= 4 * limit or every == 1:
                break
        return from_ns

    async def _counts(self, wheres: Iterable[str], fields: Fields, from_ns: int, to_ns: int) -> dict[int, int]:
        """Return how many readings all series have together in each stretch, by its start."""
        counted: dict[int, int] = {}
        for where in wheres:
            text = flux.counts(self._bucket, where, fields, from_ns, to_ns, _every_ns(from_ns, to_ns))
            found = await self._ask(text, 4 * _WINDOWS, _rows)
            for row in [*found.get("numbers", []), *found.get("texts", [])]:
                start_ns = int(np.datetime64(row["_time"][:-1], "ns").astype(np.int64))
                counted[start_ns] = counted.get(start_ns, 0) + int(row["_value"])
        return counted

    async def _ask(self, text: str, rows: int, shaped: Callable[[Tables], T]) -> T:
        """Ask, and shape the answer in the same thread; `rows` is how many it may have at most."""
        max_bytes = min(MAX_BYTES, (1 << 20) + ROW_BYTES * rows)

        def ask(client: Client) -> T:
            answer = client.api.query_api().query_raw(text, org=self._org, dialect=_DIALECT)
            try:
                return shaped(read_tables(answer, max_bytes))
            finally:
                answer.close()  # read to its end, its connection has gone back before

        self.queries += 1
        return await self._calls.run(ask)


def _every_ns(from_ns: int, to_ns: int) -> int:
    return max(1, -(-(to_ns - from_ns) // _WINDOWS))


def _only(found: Found, wanted: set[Series]) -> Found:
    return {series: fields for series, fields in found.items() if series in wanted}


def _buckets(tables: Tables, wanted: set[Series], width_us: int) -> dict[Series, Buckets]:
    return buckets_of({name: _only(tables.of(name), wanted) for name in ("low", "high", "total", "count", "raw")}, width_us)


def _rows(tables: Tables) -> dict[str, list[dict[str, str]]]:
    return tables.rows


def pages(series: Sequence[Series], counted: dict[Series, int], limit: int) -> Iterator[Sequence[Series]]:
    """Yield runs of series, in order, that have `limit` readings together, or are one series that has more."""
    run: list[Series] = []
    total = 0
    for each in series:
        if each not in counted:
            continue
        run.append(each)
        total += counted[each]
        if total >= limit:
            yield run
            run, total = [], 0
    if run:
        yield run
