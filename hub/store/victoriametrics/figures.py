"""What a VictoriaMetrics says of itself at /metrics: since when it runs, its flags, its size.

Owns the reading of that text. A proxy answers there for itself: then nothing is known. Plain code, used by store.py.
"""

import re
from dataclasses import dataclass, field
from typing import Final

_LINE: Final = re.compile(rb"^(\w+)(?:\{([^\n]*)\})? ([^\s]+)$", re.MULTILINE)
_LABEL: Final = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_UNIT_MS: Final = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 7 * 86_400_000, "y": 365 * 86_400_000}
_MONTH_MS: Final = 31 * 86_400_000  # a number alone in -retentionPeriod counts months
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w|y)?")
_WANTED: Final = {
    b"process_start_time_seconds", b"vm_app_uptime_seconds", b"vm_data_size_bytes", b"vm_rows", b"vm_free_disk_space_bytes", b"flag",
    b"vm_rows_ignored_total",
}  # fmt: skip


@dataclass(slots=True)
class Figures:
    """What is known of a server."""

    started_s: float = 0.0  # its own clock
    uptime_s: float = 0.0
    size_bytes: float = 0.0
    readings: float = 0.0  # of everybody who uses it
    free_bytes: float | None = None
    ignored: dict[str, float] = field(default_factory=dict)  # readings it dropped without a word, by reason
    flags: dict[str, str] = field(default_factory=dict)

    @property
    def keeps_ms(self) -> int | None:
        """How long it keeps readings; None where it does not say."""
        value = self.flags.get("retentionPeriod")
        return None if value is None else duration_ms(value, _MONTH_MS)

    @property
    def dedup_ms(self) -> int | None:
        """Within what stretch it keeps one reading of a series; None where it does not say."""
        value = self.flags.get("dedup.minScrapeInterval")
        return None if value is None else duration_ms(value, 1)


def duration_ms(text: str, plain_ms: int) -> int | None:
    """Return a duration in ms; a number without a unit counts `plain_ms`. None where it is none."""
    if text in ("", "0", "0s"):
        return 0
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    return round(sum(float(number) * (_UNIT_MS[unit] if unit else plain_ms) for number, unit in parts))


def read_figures(text: bytes) -> Figures | None:
    """Return the figures; None where this is no VictoriaMetrics that stores readings."""
    figures, is_storage = Figures(), False
    for name, labels_text, value_text in _LINE.findall(text):
        if name not in _WANTED:
            continue
        labels, value = dict(_LABEL.findall(labels_text.decode(errors="replace"))), float(value_text)
        if name == b"process_start_time_seconds":
            figures.started_s = value
        elif name == b"vm_app_uptime_seconds":
            figures.uptime_s = value
        elif name == b"vm_data_size_bytes":
            figures.size_bytes += value
            is_storage = True
        elif name == b"vm_rows" and labels.get("type", "").startswith("storage"):
            figures.readings += value
        elif name == b"vm_free_disk_space_bytes":
            figures.free_bytes = value
        elif name == b"vm_rows_ignored_total":
            figures.ignored[labels.get("reason", "")] = value
        elif name == b"flag":
            figures.flags[labels.get("name", "")] = labels.get("value", "")
    return figures if is_storage else None
