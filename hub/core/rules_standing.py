"""Where one rule stands with each series: alerts that are open, stretches that may become one, last readings that rates are of.

Owns what of it is kept to go on from, after a restart or on another node, and how what another node has kept is joined with it. Judges
nothing: rules_course.py, which is built on it, does.
"""

from collections.abc import Collection, Mapping, Set
from typing import Any

from hub.core.rules import Rule
from hub.core.rules_batch import Key
from hub.core.rules_kept import Part


class Spell:
    """A stretch in which a series breaks the rule; `until_s` is when it does so for long enough, by the clock of the hub."""

    __slots__ = ("newest_us", "since_us", "until_s", "value")

    def __init__(self, since_us: int, until_s: float, value: Any) -> None:
        self.since_us = since_us
        self.newest_us = since_us
        self.until_s = until_s
        self.value = value


class Standing:
    """What a rule remembers."""

    def __init__(self, rule: Rule, kept: Mapping[str, Part], is_open: Collection[Key], now_s: float) -> None:
        self.rule = rule
        self.changed: set[str] = set()  # devices of which other things must be kept; who has kept them takes them out
        self.turned: set[str] = set()  # of them those of which a stretch began or ended
        self._open: dict[Key, int] = {key: 0 for key in is_open}  # with the time of the newest reading judged
        self._spells: dict[Key, Spell] = {}
        self._last: dict[str, dict[str, tuple[int, float]]] = {}  # by device and channel
        for device, part in kept.items():
            self.join(device, part, now_s)

    def kept(self, devices: Set[str]) -> dict[str, dict[str, Any]]:
        """Return what must be kept of some devices, beside the open alerts, to go on from here; nothing of those without."""
        found: dict[str, dict[str, Any]] = {}
        for (device, channel), newest_us in self._open.items():
            if newest_us and device in devices:
                found.setdefault(device, {}).setdefault("open", []).append([channel, newest_us])
        for (device, channel), each in self._spells.items():
            if device in devices:
                found.setdefault(device, {}).setdefault("spells", []).append([channel, each.since_us, each.newest_us, each.value])
        for device in devices & self._last.keys():
            found.setdefault(device, {})["last"] = [[channel, *last] for channel, last in self._last[device].items()]
        return found

    def devices(self) -> set[str]:
        """Return the devices of which something is kept."""
        return {device for device, _ in (*self._open, *self._spells)} | self._last.keys()

    def join(self, device: str, part: Part, now_s: float, *, has_judged: bool = False) -> None:
        """Go on from what was kept of a device, with what is known of it already.

        Where readings of it were judged since what is known was kept, no stretch comes of it that is not going on.
        """
        for channel, newest_us in part.get("open", ()):
            if (device, channel) in self._open:
                self._open[device, channel] = max(self._open[device, channel], newest_us)
        for channel, since_us, newest_us, value in part.get("spells", ()):
            spell = self._spells.get((device, channel))
            if spell is not None:
                spell.since_us = min(spell.since_us, since_us)
            elif (device, channel) not in self._open and not has_judged:  # open: kept in the moment in which time alone raised it
                self._spells[device, channel] = spell = Spell(since_us, now_s + self.rule.for_s, value)
                spell.newest_us = newest_us
        for channel, t_us, value in part.get("last", ()):
            known = self._last.setdefault(device, {})
            if channel not in known or known[channel][0] < t_us:
                known[channel] = (t_us, value)

    def heard(self, key: Key, *, is_open: bool) -> None:
        """Take the word of somebody else that there is an alert, or is none any more."""
        if is_open:
            spell = self._spells.pop(key, None)
            self._open.setdefault(key, 0 if spell is None else spell.newest_us)
        else:
            self._open.pop(key, None)

    def is_open(self, key: Key) -> bool:
        """Tell whether there is an alert that is not over."""
        return key in self._open

    def forget(self, device: str) -> None:
        """Know nothing of a device that was removed."""
        self.forget_stretches(device)
        self._open = {key: each for key, each in self._open.items() if key[0] != device}
        self.changed.add(device)

    def forget_stretches(self, device: str) -> None:
        """Know of a device only which alerts are open: what else is known of it is kept, and is another node's now."""
        self._spells = {key: each for key, each in self._spells.items() if key[0] != device}
        self._last.pop(device, None)
