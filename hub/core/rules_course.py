"""What one rule makes of readings and of time that passes: alerts that are raised, and alerts that are over.

Owns the judgment, and what must be kept to go on after a restart: the same readings give the same changes however they are cut into
batches. Takes times as arguments: no clock, no I/O. hub/rules/desk.py keeps the courses.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from hub.core.records import Columns
from hub.core.rules import Rule, RuleKind
from hub.core.rules_batch import Batch, Key
from hub.core.rules_kept import Part
from hub.core.rules_standing import Spell, Standing

_UPSIDE_DOWN: Final = frozenset({RuleKind.BELOW, RuleKind.FALLING})
_RATES: Final = frozenset({RuleKind.RISING, RuleKind.FALLING})


class Change(NamedTuple):
    """An alert that is raised, or over."""

    key: Key
    is_raised: bool
    at_us: int  # time of the reading; of what time alone brings: 0
    value: Any = None


class Course(Standing):
    """A rule on its way through the readings. Out of order a reading counts only for a series that does not break the rule now."""

    def __init__(self, rule: Rule, kept: Mapping[str, Part], is_open: Collection[Key], now_s: float) -> None:
        super().__init__(rule, kept, is_open, now_s)
        self._sign = -1.0 if rule.kind in _UPSIDE_DOWN else 1.0
        self._limit = 0.5 if rule.kind is RuleKind.TEXT else self._sign * rule.limit

    def readings(self, batch: Batch, now_s: float) -> list[Change]:
        """Judge readings of about one time of arrival, of whatever series; late readings are left out."""
        changes: list[Change] = []
        for place in self._places(batch):
            at, series = batch.readings(place, self.rule.late_s), batch.columns.series[place]
            if len(at):
                changes += self._judge((series.device, series.channel), batch.columns, at, now_s)
        return changes

    def _places(self, batch: Batch) -> list[int]:
        """Return the places of series of which a reading may change something: where something breaks the rule, or did before."""
        selector = self.rule.selector
        if selector.devices is not None and batch.devices.numbers.keys().isdisjoint(selector.devices):
            return []
        said = batch.channels.numbers.keys()
        channels = frozenset(said) if selector.channels is None else selector.channels & said
        if self.rule.kind in _RATES:
            return list(batch.wanted(selector, channels).tolist())
        if self.rule.kind is RuleKind.TEXT:
            breaking = batch.wanted(selector, channels if batch.columns.text is not None else ())
            breaking = breaking[batch.with_text[breaking]]
        else:
            far = 0 if self._sign < 0 else 1
            beyond = [channel for channel in channels if self._sign * batch.bounds[channel][far] > self._limit]
            if not beyond and not self._open and not self._spells:
                return []
            breaking = batch.wanted(selector, beyond)
            breaking = breaking[self._sign * batch.series_bounds[far][breaking] > self._limit]
        return sorted({*breaking.tolist(), *self._active(batch)})

    def _active(self, batch: Batch) -> list[int]:
        """Return the places of the series that break the rule, as far as is known."""
        known = [place for key in self._open.keys() | self._spells.keys() for place in batch.of_key(key)]
        return [place for place in known if self.rule.selector.matches(batch.columns.series[place])]

    def _levels(self, columns: Columns, at: "npt.NDArray[np.int64]") -> "npt.NDArray[np.float64]":
        """Return what is compared with the limit: above it, the rule is broken. NaN is neither."""
        if self.rule.kind is not RuleKind.TEXT:
            return self._sign * columns.num[at]
        texts = [None] * len(at) if columns.text is None else columns.text[at].tolist()
        return np.array([np.nan if text is None else float(fnmatchcase(text, self.rule.text)) for text in texts], np.float64)

    def _judge(self, key: Key, columns: Columns, at: "npt.NDArray[np.int64]", now_s: float) -> Iterator[Change]:
        for t_us, level, value in self.levels(key, columns, at):
            yield from self._step(key, t_us, level, value, now_s)

    def levels(self, key: Key, columns: Columns, at: "npt.NDArray[np.int64]") -> Iterator[tuple[int, float, Any]]:
        """Yield time, what is compared with the limit and the value of readings of one series in the order of time."""
        times_us, levels = (columns.t_ns[at] // 1_000).tolist(), self._levels(columns, at).tolist()
        values = levels if columns.text is None else columns.text[at].tolist()
        for t_us, level, value in zip(times_us, levels, values, strict=True):
            if self.rule.kind in _RATES:
                rate = self._rate(key, t_us, level)
                if rate is None:
                    continue
                level = rate
            if self.rule.kind is not RuleKind.TEXT:
                value = self._sign * level
            if level == level:
                yield t_us, level, value

    def past(self, key: Key, levels: Iterable[tuple[int, float, Any]]) -> Iterator[tuple[int, Change]]:
        """Judge what `levels` yields as if each had come at its own time, with what time alone brought in between; with each change
        comes when it would have been made."""
        for t_us, level, value in levels:
            yield from self.passed(key, t_us)
            for change in self._step(key, t_us, level, value, t_us / 1e6):
                yield t_us, change

    def passed(self, key: Key, now_us: int) -> Iterator[tuple[int, Change]]:
        """Yield what time alone brought until a moment of the past."""
        spell = self._spells.get(key)
        if spell is not None and now_us > (until_us := spell.since_us + int(self.rule.for_s * 1e6)):
            yield until_us, self._raised(key, spell)

    def compared(self, numbers: "npt.NDArray[np.float64]") -> "npt.NDArray[np.float64]":
        """Return numbers as they are compared with the limit; the other way round it gives the numbers."""
        return self._sign * numbers

    def breaks(self, level: float) -> bool:
        """Tell whether what is compared breaks the rule."""
        return level > self._limit

    def _rate(self, key: Key, t_us: int, level: float) -> float | None:
        """Return the change a second since the reading before, in the direction that is asked for."""
        of_device = self._last.get(key[0], {})
        last = of_device.get(key[1])
        if level != level or (last is not None and t_us <= last[0]):
            return None
        self._last.setdefault(key[0], of_device)[key[1]] = (t_us, level)
        self.changed.add(key[0])
        return None if last is None else (level - last[1]) / ((t_us - last[0]) / 1e6)

    def _step(self, key: Key, t_us: int, level: float, value: Any, now_s: float) -> Iterator[Change]:
        if key in self._open:
            if t_us < self._open[key]:
                return
            self.changed.add(key[0])
            self._open[key] = t_us
            if level <= self._limit - self.rule.hysteresis:
                del self._open[key]
                yield Change(key, False, t_us, value)
            return
        spell = self._spells.get(key)
        if spell is not None and t_us < spell.newest_us:
            return
        if level <= self._limit:
            if spell is not None:
                self._turned(key[0])
                del self._spells[key]
            return
        self.changed.add(key[0])
        if spell is None:
            self._turned(key[0])
            spell = self._spells[key] = Spell(t_us, now_s + self.rule.for_s, value)
        spell.newest_us, spell.value = t_us, value
        if t_us - spell.since_us >= self.rule.for_s * 1e6:
            yield self._raised(key, spell)

    def _turned(self, device: str) -> None:
        self.changed.add(device)
        self.turned.add(device)

    def _raised(self, key: Key, spell: Spell) -> Change:
        del self._spells[key]
        self._open[key] = spell.newest_us
        return Change(key, True, spell.newest_us, spell.value)

    def due(self, now_s: float) -> list[Change]:
        """Return what time alone brings: series that break the rule for long enough with no reading since. Changes nothing: see `took`."""
        return [Change(key, True, each.newest_us, each.value) for key, each in self._spells.items() if now_s >= each.until_s]

    def took(self, changes: Iterable[Change]) -> None:
        """Go on from changes that `due` returned, now that they are kept."""
        for change in changes:
            if (spell := self._spells.get(change.key)) is not None:
                self.changed.add(change.key[0])
                self._raised(change.key, spell)
