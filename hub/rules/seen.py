"""What rules see of devices beside their readings: how they are, which came to this node, which were removed.

Owns the memory of it until a look of the rules has dealt with it. Judges nothing; judging.py looks.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from hub.core.presence import expected_s
from hub.rules.duties import Duties


class Seen:
    """The devices as the board shows them. `on_came` is called with each that came to this node, at once."""

    def __init__(self, duties: Duties, on_came: Callable[[str], None]) -> None:
        self._duties = duties
        self._on_came = on_came
        self.presence: dict[str, str] = {}  # of devices that were there once
        self.news: dict[str, str] = {}  # of it what the rules have not heard
        self.gone: set[str] = set()  # devices that were removed, and may have alerts
        self.expected_s: dict[str, float] = {}  # in how long a device that is well says something
        self.came: set[str] = set()  # on a node beside others: devices that came here, and the rules have not heard,
        self.left: set[str] = set()  # and such that left
        self._here: dict[str, object] = {}  # since when

    def begin(self, items: Iterable[Mapping[str, Any]], with_alerts: set[str]) -> None:
        """Begin anew from all devices, and those that have alerts."""
        known = list(items)
        self.presence, self.expected_s = {}, {}
        for item in known:
            self.saw(item)
        self.news = dict(self.presence)
        self.gone = with_alerts - {str(item["device"]) for item in known}

    def again(self) -> None:
        """Have the rules hear of all devices: a rule is new."""
        self.news = dict(self.presence)

    def saw(self, item: Mapping[str, Any]) -> bool:
        """Take in how a device is; tell whether it was removed."""
        name = str(item["device"])
        if item.get("removed"):
            for known in (self.presence, self.news, self.expected_s):
                known.pop(name, None)
            self._here.pop(name, None)
            self.gone.add(name)
            return True
        if not self._duties.is_alone:
            self._saw_where(name, item.get("connected_us"))
        if item.get("last_seen_us") is not None:
            self.expected_s[name] = expected_s(item)
            if self.presence.get(name) != item["presence"]:
                self.presence[name] = self.news[name] = item["presence"]
        return False

    def _saw_where(self, name: str, since: object) -> None:
        if not self._duties.is_here(name):
            if self._here.pop(name, self) is not self:
                self.left.add(name)
        elif self._here.get(name, self) != since:  # also one whose end nobody noticed: it may have been elsewhere meanwhile
            self._here[name] = since
            self.came.add(name)
            self._on_came(name)

    def heard(self, news: Mapping[str, str], gone: set[str]) -> None:
        """Take the word that the rules have dealt with this."""
        self.gone -= gone
        self.news = {device: state for device, state in self.news.items() if news.get(device) != state}
