"""Silences at work: what people make and lift, and which alerts are silenced now.

Owns the choice; judging.py writes the marks, telling.py what is told. web/silences.py calls SilenceDesk.
"""

import secrets
from collections.abc import Callable, Mapping
from typing import Any, Final

from devices.wire.fields import shown
from hub.core.errors import Refusal
from hub.core.members import Members
from hub.core.selector import MembersOf
from hub.core.silences import Silence, silence_in
from hub.ports import Audited, Now
from hub.rules.book import SILENCE, Bodies, Book
from hub.rules.outbox import Keeper

MAX_SILENCES: Final = 200  # that are coming or active
_KEPT_US: Final = 7 * 86_400_000_000  # one that is over is shown for so long


class Silencing:
    """Which silence an alert is under."""

    def __init__(self, book: Book, members_of: MembersOf) -> None:
        self._book = book
        self._members_of = members_of
        self._held: dict[str, tuple[Members, Callable[[], None]]] = {}  # by tag expression
        self._seen: tuple[str, ...] | None = None  # the silences that were active at the last look

    def of(self, alert: Mapping[str, Any], now_us: int) -> str | None:
        """Return the id of the oldest active silence that means an alert."""
        return next((each.id for each in self._active(now_us) if self._means(each, alert)), None)

    def is_changed(self, now_us: int) -> bool:
        """Tell whether other alerts may be silenced than when this was last asked."""
        active = tuple(each.id for each in self._active(now_us))
        if active == self._seen:
            return False
        self._seen = active
        wanted = {each.where for each in self._active(now_us)}
        for where in [where for where in self._held if where not in wanted]:
            self._held.pop(where)[1]()
        return True

    def _active(self, now_us: int) -> list[Silence]:
        return [each for each in self._book.silences() if each.state(now_us) == "active"]

    def _means(self, silence: Silence, alert: Mapping[str, Any]) -> bool:
        if silence.rule not in ("", alert["rule"]) or silence.device not in ("", alert["device"]):
            return False
        return not silence.where or self._members(silence.where).matches(alert["device"])

    def _members(self, where: str) -> Members:
        held = self._held.get(where)
        if held is None:
            members = self._members_of(where)
            held = self._held[where] = members, members.watch(self._moved)
        return held[0]

    def _moved(self, device: str) -> None:
        self.look_again()

    def look_again(self) -> None:
        """Have `is_changed` say so once more."""
        self._seen = None


class SilenceDesk:
    """What people change of silences. Every change raises StoreUnavailable, with nothing done, while the state store is away."""

    def __init__(self, book: Book, keeper: Keeper, now: Now) -> None:
        self._book, self._keeper, self._now = book, keeper, now

    def silences(self) -> list[dict[str, Any]]:
        """Return all silences, newest first; those that are over for a week."""
        return [each.item(self._now()) for each in reversed(self._book.silences())]

    async def put_silence(self, body: Mapping[str, Any], who: str) -> dict[str, Any]:
        """Make a silence. Raises Refusal."""
        now_us = self._now()
        silence = silence_in(f"{now_us:016x}{secrets.token_hex(4)}", body, who, now_us)  # so that they sort by their age

        def make() -> Bodies:
            known = self._book.silences()
            if sum(each.state(now_us) != "over" for each in known) >= MAX_SILENCES:
                raise Refusal("too_many_silences", f"there are {MAX_SILENCES} silences, which is the limit", "lift one first", 409)
            old = [each.id for each in known if each.until_us is not None and each.until_us < now_us - _KEPT_US]
            return {(SILENCE, silence.id): silence.body(), **{(SILENCE, id_): None for id_ in old}}

        await self._keeper.keep(make, [Audited(now_us, who, "silence alerts", f"silence {silence.id}", silence.body())])
        return silence.item(now_us)

    async def lift(self, id_: str, who: str) -> None:
        """End a silence now. Raises Refusal."""

        def make() -> Bodies:
            if id_ not in [each.id for each in self._book.silences()]:
                raise Refusal("no_silence", f"no silence has the id {shown(id_)}", "see: tributary silence list", 404)
            return {(SILENCE, id_): None}

        await self._keeper.keep(make, [Audited(self._now(), who, "lift silence", f"silence {id_}", {})])
