"""What one rule makes of what does not come: readings of a series, or a device that is offline.

Owns the judgment of absence by time alone. The time is that in which the hub lived and kept up, given as an argument: an hour in which the
hub was away is no absence of a device. hub/rules/desk.py keeps these beside the courses.
"""

from collections.abc import Collection, Iterable
from typing import Any

import numpy as np

from hub.core.records import Columns
from hub.core.rules import Rule, RuleKind
from hub.core.rules_course import Change, Key


class Absence:
    """A rule of kind no_data or offline."""

    def __init__(self, rule: Rule, is_open: Collection[Key]) -> None:
        self.rule = rule
        self._open = set(is_open)
        self._since_s: dict[Key, float] = {}  # last heard of, or offline since

    def kept(self) -> dict[str, Any]:
        """Return nothing: what is absent after a restart is so from then on."""
        return {}

    def readings(self, columns: Columns, arrived_us: int, now_s: float) -> list[Change]:
        """Hear of readings of about one time of arrival; late ones are no sign of life."""
        if self.rule.kind is not RuleKind.NO_DATA:
            return []
        fresh = columns.t_ns // 1_000 >= arrived_us - int(self.rule.late_s * 1e6)
        changes: dict[Key, Change] = {}
        for place in np.unique(columns.index[fresh]).tolist():
            series = columns.series[place]
            key = (series.device, "" if self.rule.selector.channels is None else series.channel)
            if not self.rule.selector.matches(series) or (key not in self._since_s and key not in self._open):
                continue  # of a device that the hub does not know, or no more
            self._since_s[key] = now_s
            if key in self._open:
                self._open.remove(key)
                changes[key] = Change(key, False, int(columns.t_ns[fresh & (columns.index == place)].max()) // 1_000)
        return list(changes.values())

    def presence(self, device: str, state: str, now_s: float) -> list[Change]:
        """Hear how a device is that was there once. Of one that is unconfirmed or sleeping nothing is missed, and nothing raised."""
        if not self.rule.selector.wants(device):
            return []
        keys = [(device, channel) for channel in sorted(self.rule.selector.channels or {""})]
        for key in keys:
            if state == "offline" or (self.rule.kind is RuleKind.NO_DATA and state not in ("unconfirmed", "sleeping")):
                self._since_s.setdefault(key, now_s)
            else:
                self._since_s.pop(key, None)
        if self.rule.kind is RuleKind.OFFLINE and state in ("online", "silent"):
            return [Change(key, False, 0) for key in keys if key in self._open]
        return []

    def due(self, now_s: float) -> list[Change]:
        """Return what has been absent for long enough. Changes nothing: see `took`."""
        silent = [key for key, since_s in self._since_s.items() if now_s - since_s >= self.rule.for_s]
        return [Change(key, True, 0) for key in silent if key not in self._open]

    def took(self, changes: Iterable[Change]) -> None:
        """Go on from changes of `due` and `presence`, now that they are kept."""
        for change in changes:
            (self._open.add if change.is_raised else self._open.discard)(change.key)

    def forget(self, device: str) -> None:
        """Know nothing of a device that was removed."""
        self._open = {key for key in self._open if key[0] != device}
        self._since_s = {key: each for key, each in self._since_s.items() if key[0] != device}
