"""Readings into VictoriaMetrics, as lines of JSON: one a series, its times and values beside each other.

Owns the encoding, the scheme (metric and labels) and the request. Not line protocol: VictoriaMetrics takes the rest of a request whose
connection was reset for a line, so the last one, cut in its time or value, becomes a reading that nobody made (39 of 150 resets, measured
with 1.79; its source says the same of later ones). A cut line of JSON is none (0 of 150). Used by store.py.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from influxdb_client.rest import ApiException

from hub.core.records import Columns, Cursor, Series
from hub.store.calls import Calls, Client
from hub.store.failures import Database

METRIC: Final = "tributary_reading"
CURSOR_METRIC: Final = "tributary_cursor"
PART_READINGS: Final = 50_000  # in one request: some 1.5 MB
MAX_REMEMBERED: Final = 200_000  # series whose beginning of a line is kept; then they are made anew
MAX_LABEL_BYTES: Final = 1_024  # the server cuts at 16,384 without a word
TIMEOUT_S: Final = 30.0
_NS: Final = 1_000_000
_STORED: Final = 204  # a 200 is somebody else: a login page, a proxy


class Importing:
    """Where readings go. One request is under way; who else posts waits for its turn."""

    def __init__(self, database: Database, token: str | None) -> None:
        self.requests = 0  # that were answered with 204
        self.sent_bytes = 0
        self._calls = Calls(database, None, token, threads=1, timeout_s=TIMEOUT_S, scheme="Bearer")

    async def post(self, body: bytes) -> None:
        """Have lines stored. Raises StoreUnavailable (nothing, a part or all of it was stored: bring it again).

        Cancelled, it may be stored or not.
        """

        def write(client: Client) -> None:
            with client.open("POST", "/api/v1/import", body=body, content_type="application/json") as answer:
                answer.read()
                if answer.status != _STORED:
                    raise ApiException(status=answer.status, reason="not stored")  # type: ignore[no-untyped-call]

        # Never StoreRefused: the server skips what it cannot read and answers 204; a 400 is a proxy's, about the path or the token.
        await self._calls.run(write)
        self.requests += 1
        self.sent_bytes += len(body)

    async def aclose(self) -> None:
        """Close the connection; idempotent."""
        await self._calls.aclose()


class Encoder:
    """Columns to requests. Not for two threads at once."""

    def __init__(self) -> None:
        self._heads: dict[Series, str] = {}

    def requests(self, columns: Columns, held: npt.NDArray[np.int64]) -> list[bytes]:
        """Return the chosen readings, series by series and oldest first, as bodies of PART_READINGS at most."""
        parts: list[bytes] = []
        lines: list[str] = []
        count = 0
        for series, t_ms, numbers in _runs(columns, held):
            head = self._head(series)
            for at in range(0, len(t_ms), PART_READINGS):
                times, values = t_ms[at : at + PART_READINGS], numbers[at : at + PART_READINGS]
                if count + len(times) > PART_READINGS:
                    parts.append("".join(lines).encode())
                    lines, count = [], 0
                lines.append(f'{head}"values":{values},"timestamps":{times}}}\n')
                count += len(times)
        return [*parts, "".join(lines).encode()] if lines else parts

    def _head(self, series: Series) -> str:
        head = self._heads.get(series)
        if head is None:
            if len(self._heads) >= MAX_REMEMBERED:
                self._heads.clear()
            labels = {
                "__name__": METRIC,
                "device": series.device,
                "channel": series.channel,
                "unit": series.unit,
                "kind": series.kind.value,
            }
            head = self._heads[series] = _head_of(labels)
        return head


def cursor_line(cursor: Cursor, t_ms: int) -> bytes:
    """Return a cursor as a point of its own, for the end of the request that it belongs to."""
    head = _head_of({"__name__": CURSOR_METRIC, "journal": cursor.journal})
    return f'{head}"values":[{cursor.position}],"timestamps":[{t_ms}]}}\n'.encode()


def label_refusal(what: str, text: str) -> str | None:
    """Return why a text cannot be the label of a series; None where it can. An empty unit is no label."""
    if not text:
        return None if what == "unit" else f"an empty {what} is no label in VictoriaMetrics"
    try:
        size_bytes = len(text.encode())
    except UnicodeEncodeError:
        return f"the {what} {text[:80]!r} has half a surrogate pair, which is no character"
    if size_bytes > MAX_LABEL_BYTES:
        return f"the {what} of {size_bytes:,} bytes is over the limit of {MAX_LABEL_BYTES:,} of a label"
    return None


def series_refusal(series: Series) -> str | None:
    """Return why a series cannot be written; None where it can."""
    named: Iterable[tuple[str, str]] = (("device", series.device), ("channel", series.channel), ("unit", series.unit))
    return next((reason for what, text in named if (reason := label_refusal(what, text)) is not None), None)


def _head_of(labels: dict[str, str]) -> str:
    return '{"metric":' + json.dumps({name: text for name, text in labels.items() if text}) + ","


def _runs(columns: Columns, held: npt.NDArray[np.int64]) -> Iterator[tuple[Series, Sequence[int], Sequence[float]]]:
    """Yield (series, times in ms, numbers) of the chosen readings. A list of either writes itself as JSON."""
    if not len(held):
        return
    order = held[np.lexsort((columns.t_ns[held], columns.index[held]))]
    index = columns.index[order]
    begins = np.flatnonzero(np.concatenate(([True], index[1:] != index[:-1]))).tolist()
    times, numbers = (columns.t_ns[order] // _NS).tolist(), columns.num[order].tolist()
    for begin, end in zip(begins, [*begins[1:], len(order)], strict=True):
        yield columns.series[index[begin]], times[begin:end], numbers[begin:end]
