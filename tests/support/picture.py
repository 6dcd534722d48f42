"""What a viewer has on its screen: the rules of docs/protocol.md section 12 as plainly as they can be written.

Owns one subscription's points and buckets; applies snapshots and updates. For tests that compare it with the truth.
"""

from collections.abc import Mapping
from typing import Any

Name = tuple[str, str]  # device, channel


class ViewerPicture:
    """The picture of one subscription."""

    def __init__(self) -> None:
        self.names: dict[int, Name] = {}
        self.raw: dict[Name, dict[int, Any]] = {}  # point key in ns -> value
        self.buckets: dict[Name, dict[tuple[int, int], dict[str, Any]]] = {}  # (width, start) -> columns
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
        for at, start in enumerate(column["t"]):
            self._cover(name, start, start + column["w"])
            bucket = {key: column[key][at] for key in ("min", "max", "sum", "count", "last", "last_t")}
            self.buckets.setdefault(name, {})[column["w"], start] = bucket

    def _cover(self, name: Name, from_us: int, to_us: int) -> None:
        """Forget the raw points and narrower buckets that a bucket replaces."""
        raw, buckets = self.raw.get(name, {}), self.buckets.get(name, {})
        for key in [key for key in raw if from_us <= key // 1_000 < to_us]:
            del raw[key]
        for width, start in [key for key in buckets if from_us <= key[1] and key[1] + key[0] <= to_us]:
            del buckets[width, start]

    def totals(self, name: Name) -> tuple[int, float]:
        """Return count and sum of everything on the screen: equal to the truth's only if nothing is missing or doubled."""
        raw, buckets = self.raw.get(name, {}), self.buckets.get(name, {}).values()
        return len(raw) + sum(b["count"] for b in buckets), sum(raw.values()) + sum(b["sum"] for b in buckets)

    def extremes(self, name: Name) -> tuple[float, float]:
        """Return the least and the greatest value on the screen."""
        buckets = list(self.buckets.get(name, {}).values())
        values = list(self.raw.get(name, {}).values())
        return min(values + [b["min"] for b in buckets]), max(values + [b["max"] for b in buckets])
