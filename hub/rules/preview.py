"""What a rule would have raised in the last days, by what is stored: how often, when, of what, and what could not be looked at.

Owns the choice between readings and buckets, and the bounds: one preview at a time, of MAX_SERIES series, MAX_READINGS readings and
TIMEOUT_S. hub/core/rules_past.py judges, with the rules' own code. Changes nothing. web/rules.py calls it.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final, Protocol

import numpy as np
import trio

from hub.core.errors import Refusal
from hub.core.joint import folded
from hub.core.records import Columns, Series
from hub.core.rules import Rule, RuleKind, rule_in
from hub.core.rules_alerts import raised
from hub.core.rules_batch import Key
from hub.core.rules_past import Past
from hub.ports import HistoryStore, Now

MAX_DAYS: Final = 31.0
MAX_SERIES: Final = 1_000
MAX_READINGS: Final = 500_000  # judged one by one: a second of the event loop, in turns of 3 ms
MAX_BUCKETS: Final = 200_000
MAX_WAITING: Final = 4
MAX_SHOWN: Final = 200  # alerts in an answer
TIMEOUT_S: Final = 20.0
_PAGE: Final = 50_000  # readings of one question to the store
_SERIES_AT_ONCE: Final = 50
_HOUR_US: Final = 3_600_000_000
_WIDTHS_US: Final = (10_000_000, 60_000_000, 600_000_000, _HOUR_US)
_LEVELS: Final = (RuleKind.ABOVE, RuleKind.BELOW)
_WIDTH_NAMES: Final = {10_000_000: "10 s", 60_000_000: "1 min", 600_000_000: "10 min", _HOUR_US: "1 h"}


class Fleet(Protocol):
    """What is asked about devices."""

    def select(self, where: str) -> list[str]:
        """Return the devices that a tag expression means now."""

    def names(self) -> list[str]:
        """Return every device."""

    @property
    def own(self) -> str:
        """The device of the hub's own figures, which nobody misses."""


class Stays(Protocol):
    """When devices were connected."""

    async def page(self, device: str, before_us: int | None, limit: int) -> tuple[list[dict[str, Any]], int | None]:
        """Return connections of a device, newest first, and where the rest begins."""


@dataclass(slots=True)
class _Look:
    """One preview on its way."""

    past: Past
    from_us: int
    to_us: int
    looked_from_us: int
    width_us: int = 0
    readings: int = 0
    series: int = 0
    notes: list[str] = field(default_factory=list)

    def answer(self, days: float) -> dict[str, Any]:
        """Return what is shown."""
        rule = self.past.rule
        shown = [raised("", rule, each.change, each.raised_us) | {"cleared_us": each.cleared_us} for each in self.past.newest()]
        wanted = ("device", "channel", "value", "message", "raised_us", "cleared_us")
        found = [{key: alert[key] for key in wanted if key in alert} for alert in shown]
        counts = {"readings": self.readings, "series": self.series, "fired": self.past.count, "of_series": len(self.past.keys)}
        times = {"from_us": self.from_us, "to_us": self.to_us, "looked_from_us": self.looked_from_us, "width_us": self.width_us}
        return {"days": days, **times, **counts, "alerts": found, "notes": self.notes}


class Preview:
    """Looks back for rules that somebody is about to make."""

    def __init__(self, history: HistoryStore, fleet: Fleet, stays: Stays, now: Now) -> None:
        self._history, self._fleet, self._stays, self._now = history, fleet, stays, now
        self._turn = trio.CapacityLimiter(1)

    async def look(self, body: Mapping[str, Any], days: float) -> dict[str, Any]:
        """Return what a rule would have raised. Raises Refusal, StoreUnavailable. Cancelled, nothing is left behind."""
        rule = rule_in("preview", body)
        devices = self._devices(rule)
        if self._turn.statistics().tasks_waiting >= MAX_WAITING:
            raise Refusal("busy", f"{MAX_WAITING} previews wait, which is the limit", "ask again in a moment", 503)
        with trio.move_on_after(TIMEOUT_S):
            async with self._turn:
                to_us = self._now()
                from_us = to_us - int(days * 86_400e6)
                look = _Look(Past(rule, to_us, MAX_SHOWN), from_us, to_us, from_us)
                await (self._presence if rule.kind is RuleKind.OFFLINE else self._readings)(look, devices)
                return look.answer(days)
        raise Refusal("query_timeout", f"the preview took longer than {TIMEOUT_S:g} s, the limit", "ask for fewer days or devices", 504)

    def _devices(self, rule: Rule) -> frozenset[str]:
        known = frozenset(self._fleet.names()) - ({self._fleet.own} if not rule.kind.is_of_readings else frozenset())
        if rule.where:
            return known & frozenset(self._fleet.select(rule.where))
        return known if rule.selector.devices is None else known & rule.selector.devices

    async def _presence(self, look: _Look, devices: Collection[str]) -> None:
        look.notes.append("Of each device the newest 100 connections are known; a device that said it would sleep counts as offline here.")
        for device in sorted(devices)[:MAX_SERIES]:
            items, _ = await self._stays.page(device, None, 100)
            stays = [(int(item["came_us"]), item.get("left_us")) for item in reversed(items)]
            look.series += bool(stays)
            look.past.connections(device, stays, look.from_us)
        _note_left_out(look, len(devices), "devices")

    async def _readings(self, look: _Look, devices: Collection[str]) -> None:
        rule = look.past.rule
        channels = rule.selector.channels
        known = [each for each in await self._history.list_series() if each.device in devices]
        found = sorted((each for each in known if channels is None or each.channel in channels), key=lambda each: (_key(rule, each), each))
        _note_left_out(look, len(found), "series")
        series = found[:MAX_SERIES]
        look.series = len(series)
        if rule.kind.is_of_readings:
            look.notes.append("When readings came is not kept: each counts as if it had come at once.")
        else:
            look.notes.append("A device that was asleep, or a hub that did not run, counts as silence here.")
            look.notes.append("Silence is looked for from the first reading of these days on; what sent nothing in them is not counted.")
        if series and await self._is_whole(look, series):
            await self._raw(look, series)
        elif series:
            await self._buckets(look, series)

    async def _is_whole(self, look: _Look, series: Sequence[Series]) -> bool:
        """Tell whether to look at readings one by one, and note from when on."""
        raw = await self._history.query(series[:1], look.from_us, look.to_us, 0, 1)
        answer = await self._history.query(series, look.from_us, look.to_us, _HOUR_US, MAX_BUCKETS)
        counted = folded(answer, _HOUR_US).buckets.values()
        hours = np.concatenate([each.start_us for each in counted]) if counted else np.empty(0, np.int64)
        counts = np.concatenate([each.count for each in counted]) if counted else np.empty(0, np.int64)
        order = np.argsort(-hours, kind="stable")
        too_many = np.flatnonzero(np.cumsum(counts[order]) > MAX_READINGS)
        fits_from_us = max(int(hours[order][too_many[0]]) + _HOUR_US if len(too_many) else look.from_us, raw.kept_from_us or look.from_us)
        if fits_from_us <= look.from_us and not answer.is_truncated:
            return True
        if look.past.rule.kind in _LEVELS:
            return False
        look.looked_from_us = max(fits_from_us, int(hours.min()) if answer.is_truncated else look.from_us)
        look.notes.append(f"Only the newest {MAX_READINGS:,} readings that are still kept one by one were looked at.")
        return True

    async def _raw(self, look: _Look, series: Sequence[Series]) -> None:
        from_ns, to_ns = look.looked_from_us * 1_000, look.to_us * 1_000
        rest, first_ns, held = list(series), from_ns, list[tuple[Series, Columns]]()
        while rest:
            page = await self._history.read(rest, from_ns, to_ns, first_ns, _PAGE)
            for each, part in _parts(page):
                if held and _key(look.past.rule, held[-1][0]) != _key(look.past.rule, each):
                    await self._judge(look, held)
                    held = []
                held.append((each, part))
            if len(page) < _PAGE:
                break
            rest = rest[rest.index(held[-1][0]) :]
            first_ns = int(page.t_ns[-1]) + 1
        if held:
            await self._judge(look, held)

    async def _judge(self, look: _Look, held: Sequence[tuple[Series, Columns]]) -> None:
        key, columns = _key(look.past.rule, held[0][0]), _joined(held)
        look.readings += len(columns)
        if look.past.rule.kind.is_of_readings:
            await _in_turns(look.past.readings(look.past.course(), key, columns))
        else:
            look.past.silences(key, columns.t_ns // 1_000)

    async def _buckets(self, look: _Look, series: Sequence[Series]) -> None:
        """Look at buckets as narrow as the bounds allow."""
        fits = [width for width in _WIDTHS_US if (look.to_us - look.from_us) // width * len(series) <= MAX_BUCKETS]
        look.width_us = fits[0] if fits else _WIDTHS_US[-1]
        name = _WIDTH_NAMES[look.width_us]
        look.notes.append(
            f"There are too many readings to look at each, or the older ones are no longer kept one by one: looked at least and greatest of"
            f" each {name}. What lasted less than about twice that is not told apart, so there may have been more alerts than these."
        )
        for begin in range(0, len(series), _SERIES_AT_ONCE):
            some = series[begin : begin + _SERIES_AT_ONCE]
            answer = folded(await self._history.query(some, look.from_us, look.to_us, look.width_us, MAX_BUCKETS), look.width_us)
            if answer.is_truncated:
                look.looked_from_us = max([look.looked_from_us, *(int(each.start_us[0]) for each in answer.buckets.values())])
            for each, buckets in answer.buckets.items():
                look.readings += int(buckets.count.sum())
                await _in_turns(look.past.buckets(look.past.course(), (each.device, each.channel), buckets))


def _key(rule: Rule, series: Series) -> Key:
    """Return what an alert would be about."""
    is_whole = not rule.kind.is_of_readings and rule.selector.channels is None
    return series.device, "" if is_whole else series.channel


def _parts(page: Columns) -> Iterator[tuple[Series, Columns]]:
    """Yield the readings of each series of a page, which stand one after the other."""
    begins = np.flatnonzero(np.diff(page.index, prepend=-1)).tolist()
    for begin, end in pairwise([*begins, len(page)]):
        series, at = page.series[int(page.index[begin])], slice(begin, end)
        text = None if page.text is None else page.text[at]
        yield series, Columns([series], np.zeros(end - begin, np.int32), page.t_ns[at], page.num[at], text=text)


def _joined(held: Sequence[tuple[Series, Columns]]) -> Columns:
    """Return parts of what an alert would be about in the order of time."""
    if len(held) == 1:
        return held[0][1]
    parts = [columns for _, columns in held]
    t_ns = np.concatenate([each.t_ns for each in parts])
    order = np.argsort(t_ns, kind="stable")
    texts = [np.full(len(each), None, np.object_) if each.text is None else each.text for each in parts]
    text = np.concatenate(texts)[order] if any(each.text is not None for each in parts) else None
    return Columns(
        [held[0][0]], np.zeros(len(order), np.int32), t_ns[order], np.concatenate([each.num for each in parts])[order], text=text
    )


async def _in_turns(parts: Iterable[None]) -> None:
    for _ in parts:
        await trio.lowlevel.checkpoint()


def _note_left_out(look: _Look, count: int, what: str) -> None:
    if count > MAX_SERIES:
        look.notes.append(f"Only the first {MAX_SERIES:,} of {count:,} {what} were looked at.")
