"""How many series a device has made: what it declares, and what it declared before and the history may hold still.

Owns the bound, and what is remembered of former series in the description of a device. A series is known for as long as anything of it
is stored, by the store, by pages and by queries: a device that declared others at each hello made a hub grow for ever. The time of the
history's longest retention is taken for that, as no store has to be asked then: hello waits for none, and nodes share the description.
Plain code; called by registry_connected.py.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

from devices.wire.messages import Channel, Hello

_DAY_US: Final = 86_400_000_000
FORMER: Final = "former_series"  # in a description: {digest: the day since 1970 on which it was last declared}
_Key = tuple[str, str, str]  # name, unit, kind


@dataclass(frozen=True, slots=True)
class SeriesBound:
    """How many series a device may have, and for how many days the history keeps anything of one (0: for ever)."""

    most: int = 2_048
    kept_days: float = 0.0

    def refuses(self, lists: Iterable[Iterable[Channel]], before: Mapping[str, Any], now_us: int) -> str | None:
        """Return why a device may not declare these channels; None: it may. Who declares nothing new always may."""
        new = _keys_of(lists) - _declared(before)
        if not new:
            return None
        former = self._kept(before, now_us)
        new_count = sum(_digest(each) not in former for each in new)
        known_count = len(_declared(before)) + len(former)
        if not new_count or known_count + new_count <= self.most:
            return None
        return (
            f"{new_count:,} new series (channel, unit, kind) beside {known_count:,} are over max_series_per_device, {self.most:,}: "
            f"keep names and units as they were, or have the operator raise it; {self._until()}"
        )

    def after_hello(self, hello: Hello, before: Mapping[str, Any], now_us: int) -> dict[str, int]:
        """Return what is remembered from a hello on: what was declared before, and what only unfinished epochs have."""
        return self._former(_declared(before) | _keys_of(lists_of(hello)), _keys_of([hello.channels]), before, now_us)

    def after_import(self, channels: Iterable[Channel], before: Mapping[str, Any], now_us: int) -> dict[str, int]:
        """Return what is remembered once readings of such channels were imported."""
        return self._former(_keys_of([channels]), _declared(before), before, now_us)

    def _former(self, sent: set[_Key], present: set[_Key], before: Mapping[str, Any], now_us: int) -> dict[str, int]:
        former = self._kept(before, now_us) | dict.fromkeys(map(_digest, sent - present), now_us // _DAY_US)
        if former:
            for each in present:
                former.pop(_digest(each), None)
        return former

    def _kept(self, before: Mapping[str, Any], now_us: int) -> dict[str, int]:
        first_day = now_us // _DAY_US - self.kept_days if self.kept_days else 0
        return {digest: day for digest, day in before.get(FORMER, {}).items() if day >= first_day}

    def _until(self) -> str:
        return f"a series counts for {self.kept_days:,g} days after it was last declared" if self.kept_days else "a series counts for ever"


def lists_of(hello: Hello) -> list[tuple[Channel, ...]]:
    """Return the channel lists of a hello: that of the new epoch, and those of unfinished ones that differ."""
    return [hello.channels, *[each.channels for each in hello.unfinished if each.channels]]


def _declared(description: Mapping[str, Any]) -> set[_Key]:
    return {(each["name"], each["unit"], each["kind"]) for each in description.get("channels", ())}


def _keys_of(lists: Iterable[Iterable[Channel]]) -> set[_Key]:
    return {(each.name, each.unit, each.kind.value) for channels in lists for each in channels}


def _digest(key: _Key) -> str:
    """Return what is remembered of a series: 64 bits, so that one is 16 characters however long its names are."""
    return blake2b(repr(key).encode(errors="surrogatepass"), digest_size=8).hexdigest()
