"""What is told of alerts as they change: the notices that go into the same transaction, and the marks of those that are silenced.

Owns the choice of targets and events. An alert that opens under a silence is `held`: nobody is told, until the silence ends while it is
still open. Of one whose opening was told, the end is told, too, under a silence as well: else its receiver had it open for ever.
"""

from collections.abc import Mapping
from typing import Any

from hub.core.notices import Event, notice
from hub.core.rules_alerts import OPEN, is_over
from hub.rules.book import ALERT, NOTICE, Bodies, Book
from hub.rules.duties import Duties
from hub.rules.silences import Silencing


class Telling:
    """The notices of one hub's alerts."""

    def __init__(self, book: Book, silencing: Silencing, for_s: float, duties: Duties) -> None:
        self._book = book
        self._silencing = silencing
        self._for_s = for_s
        self._duties = duties

    def told(self, bodies: Bodies, now_us: int) -> Bodies:
        """Return bodies with a notice for each target and each alert among them that is opened or over; not of one acknowledged."""
        found = Bodies()
        for (kind, id_), alert in bodies.items():
            if kind != ALERT or alert is None:
                continue
            if self._book.alert(id_) is None:  # also of one that is over in the same moment
                if (silence := self._silencing.of(alert, now_us)) is not None:
                    alert = found[ALERT, id_] = {**alert, "silenced": silence, "held": True}
                else:
                    found |= self._notices(Event.OPENED, _as_opened(alert), now_us)
            if is_over(alert) and not alert.get("held"):
                found |= self._notices(Event.CLEARED, alert, now_us)
        return bodies | found

    def marks(self, now_us: int) -> Bodies:
        """Return the alerts that are silenced now and were not, or no more; one that was held, and is still open, is told.

        Of several nodes one does so for a device.
        """
        found = Bodies()
        if not self._silencing.is_changed(now_us):
            return found
        for alert in self._book.open_alerts():
            silence = self._silencing.of(alert, now_us)
            if silence == alert.get("silenced"):
                continue
            if not self._duties.draws(str(alert["device"])):
                self.look_again()  # another node does so, or this one, where that dies first
                continue
            body = {key: value for key, value in alert.items() if key != "silenced"} | ({} if silence is None else {"silenced": silence})
            if silence is None and body["state"] == OPEN and body.pop("held", False):
                found |= self._notices(Event.OPENED, body, now_us)
            found[ALERT, alert["id"]] = body
        return found

    def look_again(self) -> None:
        """Have `marks` look at all alerts again: what it made is not kept."""
        self._silencing.look_again()

    def _notices(self, event: Event, alert: Mapping[str, Any], now_us: int) -> Bodies:
        """Return a notice for each target that wants the alert."""
        found = Bodies()
        for name in self._book.targets():
            known = self._book.target(name)
            if known is not None and known[0].wants(alert):
                body = notice(name, event, alert, self._book.next_number(now_us), now_us, self._for_s, self._duties.node)
                found[NOTICE, body["id"]] = body
        return found


def _as_opened(alert: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in alert.items() if key not in ("cleared_us", "reason")} | {"state": OPEN}
