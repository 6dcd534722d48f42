"""What is told of alerts as they change: the notices that go into the same transaction.

Owns the choice of targets and events. Changes nothing itself; judging.py writes what it returns.
"""

from collections.abc import Mapping
from typing import Any

from hub.core.notices import Event, notice
from hub.core.rules_alerts import OPEN, is_over
from hub.rules.book import ALERT, NOTICE, Bodies, Book


class Telling:
    """The notices of one hub's alerts."""

    def __init__(self, book: Book, for_s: float) -> None:
        self._book = book
        self._for_s = for_s

    def notices(self, bodies: Bodies, now_us: int) -> Bodies:
        """Return a notice for each target and each alert among the bodies that is opened or over; none of one that is acknowledged."""
        found = Bodies()
        for (kind, id_), alert in bodies.items():
            if kind != ALERT or alert is None:
                continue
            if self._book.alert(id_) is None:  # also of one that is over in the same moment
                found |= self.of(Event.OPENED, _as_opened(alert), now_us)
            if is_over(alert):
                found |= self.of(Event.CLEARED, alert, now_us)
        return found

    def of(self, event: Event, alert: Mapping[str, Any], now_us: int) -> Bodies:
        """Return a notice for each target that wants the alert."""
        found = Bodies()
        for name in self._book.targets():
            known = self._book.target(name)
            if known is not None and known[0].wants(alert):
                body = notice(name, event, alert, self._book.next_number(), now_us, self._for_s)
                found[NOTICE, body["id"]] = body
        return found


def _as_opened(alert: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in alert.items() if key not in ("cleared_us", "reason")} | {"state": OPEN}
