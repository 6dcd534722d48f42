"""The devices that a tag expression means, kept up to date while somebody asks: `members = registry.members("floor=2 and pump")`.

Owns what expressions are asked of each device, and who is told when a device joins or leaves. Whoever means a set of devices for a while
(live subscriptions, rules, commands to a group) holds a Members and lets go of it; plain code, no clock. The registry feeds it.
"""

from collections.abc import Callable, Iterable, Sequence
from weakref import WeakValueDictionary

from hub.core.tags import Facts, Where, parse

Watcher = Callable[[str], None]


class Members:
    """The devices that one expression means now. `matches` is a look into a set: cheap enough to ask for each frame.

    All who hold the same expression hold the same object; it is kept up to date as long as somebody does.
    """

    def __init__(self, where: str, is_meant: Where, among: Iterable[tuple[str, Facts]]) -> None:
        self.where = where
        self._is_meant = is_meant
        self._inside = {name for name, facts in among if is_meant(facts)}
        self._names: frozenset[str] | None = None
        self._watchers: dict[object, Watcher] = {}

    @property
    def names(self) -> frozenset[str]:
        """The names of the devices; the same object until one joins or leaves."""
        if self._names is None:
            self._names = frozenset(self._inside)
        return self._names

    def __len__(self) -> int:
        return len(self._inside)

    def matches(self, device: str) -> bool:
        """Tell whether a device is meant now."""
        return device in self._inside

    def watch(self, callback: Watcher) -> Callable[[], None]:
        """Call `callback(device)` after a device joined or left; return the call that ends it.

        The callback is plain, quick, and must not raise: it runs within the change of the device.
        """
        key = object()
        self._watchers[key] = callback
        return lambda: self._watchers.pop(key, None) and None

    def judge(self, device: str, facts: Facts | None) -> None:
        """Let a device in or out by what is known of it now; None: it was removed. The registry calls it."""
        is_inside = facts is not None and self._is_meant(facts)
        if is_inside == (device in self._inside):
            return
        (self._inside.add if is_inside else self._inside.discard)(device)
        self._names = None
        for callback in list(self._watchers.values()):
            callback(device)


class Within:
    """Those of some devices that are in any of several sets, kept up to date as these are; it is asked and watched as Members is."""

    def __init__(self, wanted: Members | frozenset[str] | None, sets: "Sequence[Members | Within]") -> None:
        self._wanted = wanted  # None: all
        self._sets = tuple(sets)
        self._made_of: tuple[frozenset[str], ...] = ()
        self._names = frozenset[str]()

    @property
    def names(self) -> frozenset[str]:
        """The names of the devices; the same object until one joins or leaves a set that this is made of."""
        made_of = tuple(each.names for each in self._parts())
        if len(made_of) != len(self._made_of) or any(new is not old for new, old in zip(made_of, self._made_of, strict=True)):
            found = frozenset[str]().union(*(each.names for each in self._sets))
            self._names = found if self._wanted is None else found & _names(self._wanted)
            self._made_of = made_of
        return self._names

    def matches(self, device: str) -> bool:
        """Tell whether a device is meant now."""
        is_wanted = self._wanted is None or device in _names(self._wanted)
        return is_wanted and any(each.matches(device) for each in self._sets)

    def watch(self, callback: Watcher) -> Callable[[], None]:
        """Call `callback(device)` after a device joined or left, or may have; return the call that ends it.

        Where devices are wanted by name it hears of none but these: whom it tells may not even know the names of others.
        """
        wanted = self._wanted

        def moved(device: str) -> None:
            if not isinstance(wanted, frozenset) or device in wanted:
                callback(device)

        ends = [each.watch(moved) for each in self._parts()]

        def end() -> None:
            for each in ends:
                each()

        return end

    def _parts(self) -> "list[Members | Within]":
        return [*self._sets, *([self._wanted] if isinstance(self._wanted, Members) else [])]


def _names(wanted: Members | frozenset[str]) -> frozenset[str]:
    return wanted if isinstance(wanted, frozenset) else wanted.names


class Asked:
    """What expressions are asked of each device, as it was last shown."""

    def __init__(self) -> None:
        self._facts: dict[str, Facts] = {}
        self._held: WeakValueDictionary[str, Members] = WeakValueDictionary()

    def put(self, device: str, facts: Facts) -> None:
        """Know a device by this; what is the same as before costs nothing more."""
        if self._facts.get(device) != facts:
            self._facts[device] = facts
            self._judge(device, facts)

    def remove(self, device: str) -> None:
        """Know a device no more."""
        if self._facts.pop(device, None) is not None:
            self._judge(device, None)

    def select(self, where: str) -> list[str]:
        """Return the names of the devices that an expression means, sorted. Raises Refusal where it cannot be read."""
        is_meant = parse(where)
        return sorted(name for name, facts in self._facts.items() if is_meant(facts))

    def members(self, where: str) -> Members:
        """Return the devices that an expression means, kept up to date from now on. Raises Refusal where it cannot be read."""
        held = self._held.get(where)
        if held is None:
            held = self._held[where] = Members(where, parse(where), self._facts.items())
        return held

    def _judge(self, device: str, facts: Facts | None) -> None:
        for members in list(self._held.values()):
            members.judge(device, facts)
