"""What one rule makes of what does not come: readings of a series, or a device that is offline.

Owns the judgment of absence by time alone. The time is that in which the hub lived and kept up, given as an argument: an hour in which the
hub was away is no absence of a device. hub/rules/desk.py keeps these beside the courses.
"""

from collections.abc import Collection, Iterable, Iterator, Set
from typing import Any

from hub.core.rules import Rule, RuleKind
from hub.core.rules_batch import Batch, Key, Listening
from hub.core.rules_course import Change
from hub.core.rules_kept import Part


class Absence:
    """A rule of kind no_data or offline. A reading costs it nothing: what is heard is noted once for all rules that share `listening`."""

    def __init__(self, rule: Rule, is_open: Collection[Key], listening: Listening | None = None) -> None:
        self.rule = rule
        self.changed: set[str] = set()  # see Standing
        self.turned: set[str] = set()
        self._open = set(is_open)
        self._since_s: dict[Key, float] = {}  # waited for, or offline since; heard of since then where `_heard` says so
        self._due_s = 0.0  # before this nothing is due
        listening = listening or Listening()
        channels = rule.selector.channels or {""} if rule.kind is RuleKind.NO_DATA else ()
        self._heard = {channel: listening.to(rule.late_s, channel) for channel in channels}

    def kept(self, devices: Set[str]) -> dict[str, dict[str, Any]]:
        """Return nothing: what is absent after a restart is so from then on."""
        return {}

    def devices(self) -> set[str]:
        """Return the devices of which something is kept: none."""
        return set()

    def readings(self, batch: Batch, now_s: float) -> list[Change]:
        """Hear of readings of about one time of arrival; late ones are no sign of life."""
        changes: list[Change] = []
        for channel, last in self._heard.items():
            heard = batch.heard(self.rule.late_s, channel)
            last.hear(heard, now_s)
            over = [key for key in self._open if key in heard and self.rule.selector.wants(key[0])]
            if over:
                self._wait_for(over, now_s)
            changes += [Change(key, False, heard[key]) for key in over]
            self._open.difference_update(over)
        return changes

    def _wait_for(self, keys: Iterable[Key], now_s: float) -> None:
        self._since_s.update(dict.fromkeys(keys, now_s))
        self._due_s = 0.0

    def presence(self, device: str, state: str, now_s: float) -> list[Change]:
        """Hear how a device is that was there once. Of one that is unconfirmed or sleeping nothing is missed, and nothing raised."""
        if not self.rule.selector.wants(device):
            return []
        keys = [(device, channel) for channel in sorted(self.rule.selector.channels or {""})]
        for key in keys:
            if state == "offline" or (self.rule.kind is RuleKind.NO_DATA and state not in ("unconfirmed", "sleeping")):
                if key not in self._since_s:
                    self._wait_for([key], now_s)
            else:
                self._since_s.pop(key, None)
        if self.rule.kind is RuleKind.OFFLINE and state in ("online", "silent", "sleeping"):  # told as it is now: it may be back and asleep
            return [Change(key, False, 0) for key in keys if key in self._open]
        return []

    def due(self, now_s: float) -> list[Change]:
        """Return what has been absent for long enough. Changes nothing: see `took`."""
        if now_s < self._due_s:
            return []
        for key, since_s in self._since_s.items():
            if now_s - since_s >= self.rule.for_s and (last := self._heard.get(key[1])) is not None:
                self._since_s[key] = max(since_s, last.times_s.get(key, since_s))
        waiting = [key for key in self._since_s if key not in self._open]
        silent = [key for key in waiting if now_s - self._since_s[key] >= self.rule.for_s]
        self._due_s = now_s if silent else min([self._since_s[key] for key in waiting], default=float("inf")) + self.rule.for_s
        return [Change(key, True, 0) for key in silent]

    def took(self, changes: Iterable[Change]) -> None:
        """Go on from changes of `due` and `presence`, now that they are kept."""
        for change in changes:
            (self._open.add if change.is_raised else self._open.discard)(change.key)

    def past(self, key: Key, absences: Iterable[tuple[int, int]]) -> Iterator[tuple[int, Change]]:
        """Judge stretches of the past, from and to in µs, in which what is waited for was absent; with each change comes when it would
        have been made."""
        for from_us, to_us in absences:
            self._since_s = {}
            self._wait_for([key], 0.0)
            raised = self.due((to_us - from_us) / 1e6)
            over = [Change(change.key, False, to_us) for change in raised]
            yield from ((from_us + int(self.rule.for_s * 1e6), change) for change in raised)
            yield from ((to_us, change) for change in over)

    def join(self, device: str, part: Part, now_s: float, *, has_judged: bool = False) -> None:
        """Do nothing: nothing is kept."""

    def heard(self, key: Key, *, is_open: bool) -> None:
        """Take the word of somebody else that there is an alert, or is none any more."""
        (self._open.add if is_open else self._open.discard)(key)
        self._due_s = 0.0

    def wait_anew(self, devices: Set[str], now_s: float) -> None:
        """Wait for devices from now on: so far another node did, and heard them."""
        self._wait_for([key for key in self._since_s if key[0] in devices], now_s)

    def forget(self, device: str) -> None:
        """Know nothing of a device that was removed."""
        self._open = {key for key in self._open if key[0] != device}
        self._since_s = {key: each for key, each in self._since_s.items() if key[0] != device}

    def forget_stretches(self, device: str) -> None:
        """Do nothing: what is waited for is known to each node by itself."""
