"""What the operator of a VictoriaMetrics should know: flags that are wrong for us, readings that it drops, room that runs out.

Owns those sentences. Plain code, called by server.py with what the server says of itself.
"""

from typing import Final

from hub.ports import Retention
from hub.store.victoriametrics.figures import Figures

DAY_MS: Final = 86_400_000
_NEARLY: Final = 0.95
_HARMLESS: Final = frozenset({"nan_value"})


def remarks(figures: Figures | None, before: Figures | None, retention: Retention) -> list[str]:
    """Return what is not as it should be, one sentence each."""
    if figures is None:
        return [
            "VictoriaMetrics answers /metrics through a proxy or not at all: nobody notices when it is killed and loses its last seconds;"
            " let it replicate, or let store name it directly"
        ]
    found = []
    if figures.dedup_ms != 1:
        found.append("VictoriaMetrics runs without -dedup.minScrapeInterval=1ms: after an outage some readings are counted twice; set it")
    keeps_ms = figures.keeps_ms
    wanted_ms = retention.raw_days * DAY_MS
    if keeps_ms is not None and (keeps_ms < wanted_ms or not wanted_ms) and keeps_ms < 50 * 365 * DAY_MS:
        wanted = f"keep_raw_days = {retention.raw_days:g}" if wanted_ms else "keep_raw_days = 0, for ever"
        found.append(f"VictoriaMetrics keeps readings for {keeps_ms / DAY_MS:g} days, {wanted}: set its -retentionPeriod")
    if retention.max_bytes and figures.size_bytes > _NEARLY * retention.max_bytes:
        found.append(
            f"VictoriaMetrics uses {figures.size_bytes:,.0f} bytes of history_max_bytes = {retention.max_bytes:,};"
            " only a shorter -retentionPeriod makes it use less"
        )
    if figures.free_bytes is not None and figures.free_bytes < min(retention.min_free_bytes, 1 << 40):
        found.append(f"VictoriaMetrics has {figures.free_bytes:,.0f} bytes left on its disk; at 10,000,000 it takes no more")
    for reason, count in sorted(figures.ignored.items()):
        if (
            before is not None
            and before.started_s == figures.started_s
            and count > before.ignored.get(reason, 0.0)
            and reason not in _HARMLESS
        ):
            found.append(f"VictoriaMetrics dropped {count - before.ignored.get(reason, 0.0):,.0f} readings just now: {reason}")
    return found
