"""What one rule makes of what does not come: readings of a series, or a device that is offline.

Owns the judgment of absence by time alone. The time is that in which the hub lived and kept up, given as an argument: an hour in which the
hub was away is no absence of a device. hub/rules/desk.py keeps these beside the courses.
"""

from collections.abc import Collection, Iterable, Iterator, Set
from typing import Any

from hub.core.rules import Rule, RuleKind
from hub.core.rules_batch import Batch, Key
from hub.core.rules_course import Change


class Absence:
    """A rule of kind no_data or offline."""

    def __init__(self, rule: Rule, is_open: Collection[Key]) -> None:
        self.rule = rule
        self.changed: set[str] = set()  # see Course.changed
        self._open = set(is_open)
        self._since_s: dict[Key, float] = {}  # last heard of, or offline since

    def kept(self, devices: Set[str]) -> dict[str, dict[str, Any]]:
        """Return nothing: what is absent after a restart is so from then on."""
        return {}

    def devices(self) -> set[str]:
        """Return the devices of which something is kept: none."""
        return set()

    def readings(self, batch: Batch, now_s: float) -> list[Change]:
        """Hear of readings of about one time of arrival; late ones are no sign of life."""
        if self.rule.kind is not RuleKind.NO_DATA:
            return []
        changes: list[Change] = []
        by_channel = batch.heard(self.rule.late_s)
        for heard in [by_channel.get(channel, {}) for channel in self.rule.selector.channels or {""}]:
            over = [key for key in self._open if key in heard and self.rule.selector.wants(key[0])]
            # Of the others only those that are waited for: not of a device that the hub does not know, or no more.
            self._since_s.update(dict.fromkeys([*over, *(heard.keys() & self._since_s.keys())], now_s))
            changes += [Change(key, False, heard[key]) for key in over]
            self._open.difference_update(over)
        return changes

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
        if self.rule.kind is RuleKind.OFFLINE and state in ("online", "silent", "sleeping"):  # told as it is now: it may be back and asleep
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

    def past(self, key: Key, absences: Iterable[tuple[int, int]]) -> Iterator[tuple[int, Change]]:
        """Judge stretches of the past, from and to in µs, in which what is waited for was absent; with each change comes when it would
        have been made."""
        for from_us, to_us in absences:
            self._since_s = {key: 0.0}
            raised = self.due((to_us - from_us) / 1e6)
            over = [Change(change.key, False, to_us) for change in raised]
            yield from ((from_us + int(self.rule.for_s * 1e6), change) for change in raised)
            yield from ((to_us, change) for change in over)

    def forget(self, device: str) -> None:
        """Know nothing of a device that was removed."""
        self._open = {key for key in self._open if key[0] != device}
        self._since_s = {key: each for key, each in self._since_s.items() if key[0] != device}
