"""Which devices rules mean that name a tag expression, as devices join and leave.

Owns what is held of the registry for it. Judges nothing; judging.py asks, and says what becomes of the alerts of a device that left.
"""

from collections.abc import Callable
from dataclasses import replace

from hub.core.members import Members
from hub.core.rules import Rule
from hub.core.selector import MembersOf


class Reach:
    """The members of each rule. `moved` grows with each device that joined or left; who has dealt with one takes it out."""

    def __init__(self, members_of: MembersOf) -> None:
        self._members_of = members_of
        self._held: dict[str, tuple[Members, Callable[[], None]]] = {}
        self.unsettled: set[str] = set()  # rules that mean other devices than when they were last settled
        self.moved: set[tuple[str, str]] = set()  # rule and device

    def hold(self, rule: Rule) -> Rule:
        """Return a rule for the devices that it means now, and mind who joins and leaves."""
        self.drop(rule.name)
        if not rule.where:
            return rule
        members = self._members_of(rule.where)
        self._held[rule.name] = members, members.watch(lambda device: self._moved(rule.name, device))
        return self.settled(rule)

    def settled(self, rule: Rule) -> Rule:
        """Return a rule for the devices that it means now."""
        self.unsettled.discard(rule.name)
        held = self._held.get(rule.name)
        return rule if held is None else replace(rule, selector=rule.selector._replace(devices=held[0].names))

    def drop(self, name: str) -> None:
        """Mind a rule no more."""
        self.unsettled.discard(name)
        if (held := self._held.pop(name, None)) is not None:
            held[1]()

    def _moved(self, name: str, device: str) -> None:
        self.unsettled.add(name)
        self.moved.add((name, device))
