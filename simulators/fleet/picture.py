"""What a viewer has on its screen of some series, as far as an audit asks: which readings it was told, and the first that was told wrong.

Owns the rules of docs/protocol.md section 12 for raw points; keeps two bytes for each reading and no value: each is compared when it
comes. watcher.py feeds it.
"""

from array import array
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, product
from typing import Any, Final

from simulators.fleet.difference import Difference
from simulators.fleet.expected import NOTHING, Expected, in_buckets, is_same
from simulators.fleet.schedule import Schedule
from simulators.fleet.stamps import EVER_US

UNSEEN: Final = -1
MERGED: Final = -2  # a snapshot has a bucket there: the hub shows so old a time no finer, and asking again would not help
MAX_WRONG: Final = 100  # kept; all are counted
Name = tuple[str, str]  # device, channel


class Series:
    """One series: what must come, and which frames' readings have come, each with the point key's number."""

    def __init__(self, schedule: Schedule, expected: Expected) -> None:
        self.schedule = schedule
        self.expected = expected
        self.seen = array("h", [UNSEEN]) * schedule.frames


class Picture:
    """The series of one viewer."""

    def __init__(self, series: Mapping[Name, Series]) -> None:
        self.series = series
        self.wrong: list[Difference] = []
        self.cursor: str | None = None  # up to where everything was told
        self.is_stale = True  # something has to be asked for again: it was merged, came late, or was not there yet
        self._names: dict[int, Name] = {}
        self._parts: list[Mapping[str, Any]] = []

    def lost(self) -> None:
        """Forget what belongs to a connection that is over."""
        self._parts, self._names = [], {}

    def take(self, message: Mapping[str, Any]) -> list[int] | None:
        """Take a snapshot or update; once it is whole return when readings were due that were not known before, None until then."""
        self._parts.append(message)
        if message.get("more"):
            return None
        parts, self._parts = self._parts, []
        if parts[0]["op"] == "update" and parts[0]["from"] != self.cursor:
            name, sent_us = next(iter(self.series)), int(parts[-1].get("sent_us", 0))
            self._is_wrong(Difference("skipped", *name, sent_us, None, self.cursor, parts[0]["from"]))
        if parts[0]["op"] == "snapshot":
            self._names = {}
            self.is_stale = "hole" in parts[0] or "hole" in parts[-1]
            for each in self.series.values():
                for numbers in each.schedule.stamped(parts[0]["from_us"], EVER_US):  # what is older was shown, and stays so
                    each.seen[numbers.start : numbers.stop] = array("h", [UNSEEN]) * len(numbers)
        told: list[int] = []
        for part in parts:
            self._names |= {series["s"]: (series["device"], series["channel"]) for series in part.get("series", ())}
            for column in part["data"]:
                told += self._column(column, is_snapshot=part["op"] == "snapshot")
        self.cursor = str(parts[-1]["to"])
        return told

    def _column(self, column: Mapping[str, Any], *, is_snapshot: bool) -> list[int]:
        name = self._names.get(column["s"], ("", ""))
        series = self.series.get(name)
        if series is None:
            return []
        if column["w"]:
            for at, start_us in enumerate(column["t"]):
                self._merged(
                    name, start_us, {key: column[key][at] for key in ("count", "min", "max")}, column["w"], is_snapshot=is_snapshot
                )
            return []
        rows = zip(column["t"], column["n"], column["v"], strict=True)
        return [due_us for time_us, key, value in rows if (due_us := self._point(name, series, time_us, key, value)) is not None]

    def _merged(self, name: Name, start_us: int, said: Mapping[str, Any], width_us: int, *, is_snapshot: bool) -> None:
        """Compare a bucket, as far as it can be: it has no more readings than were due in it, and none beyond their values."""
        series = self.series[name]
        self.is_stale |= not is_snapshot
        numbers = list(chain(*series.schedule.stamped(start_us, start_us + width_us)))
        due = [value for number in numbers if (value := series.expected.value(number)) is not NOTHING]
        for number in numbers:
            series.seen[number] = MERGED if is_snapshot else UNSEEN
        amounts = [amount for value in due if (amount := in_buckets(value)) is not None]
        if said["count"] > len(due):
            self._is_wrong(Difference("folded", *name, start_us, None, f"at most {len(due)} readings", said))
        elif said["min"] is not None and not (amounts and min(amounts) <= said["min"] <= said["max"] <= max(amounts)):
            self._is_wrong(Difference("folded", *name, start_us, None, f"only readings of {min(due)!r} to {max(due)!r}", said))

    def _point(self, name: Name, series: Series, time_us: int, key: int, value: Any) -> int | None:
        """Compare one reading; return when it was due where it is new."""
        number = series.schedule.number_shown(time_us)
        sent = NOTHING if number is None else series.expected.value(number)
        if number is None or sent is NOTHING:
            self._is_wrong(Difference("invented", *name, time_us, number, None, value))
            return None
        if not is_same(sent, value):
            self._is_wrong(Difference("changed", *name, time_us, number, sent, value))
        before, series.seen[number] = series.seen[number], key
        if before >= 0 and before != key:
            self._is_wrong(Difference("doubled", *name, time_us, number, sent, value))
        return series.schedule.time_us(number) if before < 0 else None

    def _is_wrong(self, difference: Difference) -> None:
        if len(self.wrong) < MAX_WRONG and difference not in self.wrong:
            self.wrong.append(difference)

    def missing(self, made: Mapping[str, Sequence[Sequence[int]]], from_us: int) -> Iterator[Difference]:
        """Yield what was stamped with a time from `from_us` on and not shown; `made` has stretches [first, end) of frames by device."""
        for (device, channel), series in self.series.items():
            schedule = series.schedule
            for (first, end), numbers in product(made.get(device, ()), list(schedule.stamped(from_us, EVER_US))):
                for number in range(max(first, numbers.start), min(end, numbers.stop)):
                    if series.seen[number] == UNSEEN and (sent := series.expected.value(number)) is not NOTHING:
                        yield Difference("missing", device, channel, schedule.stamp_us(number), number, sent, None)

    def shown(self) -> tuple[int, int]:
        """Return how many readings were told one by one, and how many only in a bucket."""
        alone = sum(1 for series in self.series.values() for key in series.seen if key >= 0)
        return alone, sum(series.seen.count(MERGED) for series in self.series.values())
