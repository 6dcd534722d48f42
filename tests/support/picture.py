"""What a viewer has on its screen: the rules of docs/protocol.md section 12 as plainly as they can be written.

Owns one subscription's points and buckets; applies snapshots and updates. For tests that compare it with the truth.
"""

from collections.abc import Mapping
from typing import Any, Final

Name = tuple[str, str]  # device, channel
_FIGURES: Final = ("min", "max", "sum", "count", "last", "last_t")


class ViewerPicture:
    """The picture of one subscription."""

    def __init__(self) -> None:
        self.names: dict[int, Name] = {}
        self.raw: dict[Name, dict[int, Any]] = {}  # point key in ns -> value
        self.buckets: dict[Name, dict[int, dict[int, dict[str, Any]]]] = {}  # width -> start -> columns
        self.cursor: str | None = None
        self.last_n = 0
        self.reasons: list[str] = []
        self._parts: list[Mapping[str, Any]] = []  # of a message whose last part has not come yet

    def comes_back(self) -> None:
        """Begin another connection: what was shown stays, numbers mean nothing any more."""
        self.names, self.last_n, self._parts = {}, 0, []

    def apply(self, message: Mapping[str, Any]) -> None:
        """Take a snapshot, an update, or a part of one."""
        is_first = not self._parts
        assert message["n"] > (0 if is_first and message["op"] == "snapshot" else self.last_n)
        assert is_first or message["op"] == self._parts[0]["op"]
        self.last_n = message["n"]
        self._parts.append(message)
        if not message.get("more"):
            self._apply_whole(self._parts)
            self._parts = []

    def _apply_whole(self, parts: list[Mapping[str, Any]]) -> None:
        if parts[0]["op"] == "snapshot":
            self.names, self.raw, self.buckets = {}, {}, {}
            self.reasons.append(parts[0]["reason"])
        elif self.cursor is not None:
            assert parts[0]["from"] == self.cursor, "an update that does not follow on the last one"
        for part in parts:
            for series in part["series"]:
                self.names[series["s"]] = (series["device"], series["channel"])
            for column in part["data"]:
                self._apply_column(self.names[column["s"]], column)
        self.cursor = parts[-1]["to"]

    def _apply_column(self, name: Name, column: Mapping[str, Any]) -> None:
        if column["w"] == 0:
            raw = self.raw.setdefault(name, {})
            for t_us, n, value in zip(column["t"], column["n"], column["v"], strict=True):
                raw[t_us * 1_000 + n] = value
            return
        width, of_name = column["w"], self.buckets.setdefault(name, {})
        covers = bool(self.raw.get(name)) or any(known < width for known in of_name)  # else nothing is replaced but the bucket itself
        for start, *figures in zip(column["t"], *(column[key] for key in _FIGURES), strict=True):
            if covers:
                self._cover(name, start, start + width)
            of_name.setdefault(width, {})[start] = dict(zip(_FIGURES, figures, strict=True))

    def _cover(self, name: Name, from_us: int, to_us: int) -> None:
        """Forget the raw points and narrower buckets that a bucket replaces."""
        if raw := self.raw.get(name):
            for key in [key for key in raw if from_us <= key // 1_000 < to_us]:
                del raw[key]
        of_name = self.buckets.get(name, {})
        for width in [width for width in of_name if width <= to_us - from_us]:
            known, possible = of_name[width], range(from_us + -from_us % width, to_us - width + 1, width)
            for start in possible if len(possible) < len(known) else [start for start in known if start in possible]:
                known.pop(start, None)
            if not known:
                del of_name[width]

    def totals(self, name: Name) -> tuple[int, float]:
        """Return count and sum of everything on the screen: equal to the truth's only if nothing is missing or doubled."""
        raw, buckets = self.raw.get(name, {}), self._all_buckets(name)
        return len(raw) + sum(b["count"] for b in buckets), sum(raw.values()) + sum(b["sum"] for b in buckets)

    def extremes(self, name: Name) -> tuple[float, float]:
        """Return the least and the greatest value on the screen."""
        buckets = self._all_buckets(name)
        values = list(self.raw.get(name, {}).values())
        return min(values + [b["min"] for b in buckets]), max(values + [b["max"] for b in buckets])

    def _all_buckets(self, name: Name) -> list[dict[str, Any]]:
        return [bucket for known in self.buckets.get(name, {}).values() for bucket in known.values()]

    def difference(self, name: Name, points: Mapping[int, Any], from_us: int = 0) -> str:
        """Return the first way in which the screen is not what these numbers make (point key in ns -> value); empty: it is.

        What begins before a time is left out, and so is what lies in a bucket with it.
        """
        widest_us = max(self.buckets.get(name, ()), default=1)
        from_us += -from_us % widest_us
        points = {key: value for key, value in points.items() if key // 1_000 >= from_us}
        raw = {key: value for key, value in self.raw.get(name, {}).items() if key // 1_000 >= from_us}
        for key, value in raw.items():
            if points.get(key) != value:
                return f"has {value} at {key} ns, and there is {points.get(key)}"
        shown = len(raw)
        for width, known in self.buckets.get(name, {}).items():
            lying: dict[int, list[int]] = {}
            for key in points:
                lying.setdefault(key // 1_000 // width * width, []).append(key)
            for start, bucket in known.items():
                if start < from_us:
                    continue
                if bucket != (made := _bucket({key: points[key] for key in lying.get(start, ())})):
                    return f"has {bucket} at {start} us, and there is {made}"
                shown += bucket["count"]
        return "" if shown == len(points) else f"has {shown} readings, and there are {len(points)}"


def _bucket(points: Mapping[int, Any]) -> dict[str, Any]:
    if not points:
        return {}
    values, last = list(points.values()), max(points)
    figures = {"min": min(values), "max": max(values), "sum": sum(values), "count": len(values)}
    return {**figures, "last": points[last], "last_t": last // 1_000}
