"""What a viewer is told without asking: devices, commands, alerts, shadows, dashboards, the hub; whole at first, then the newest of each.

Owns what of the entities one viewer has yet to be sent by its own task: what came before its greeting, and what its link was too busy for.
Bounded by the number of entities: a newer item replaces the one that waits. Plain code; viewer.py sends what it gives, news.py fills it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from devices.link import Prepared
from hub.core.entities import Entities
from hub.sessions.columns import Message
from hub.sessions.in_reach import InReach

MAX_ITEMS: Final = 25  # of one message, about 20 KB: over a slow link the next word comes before the hub is taken for gone
_PLURALS: Final = {
    "device": "devices",
    "command": "commands",
    "group_command": "group_commands",
    "alert": "alerts",
    "shadow": "shadows",
    "dashboard": "dashboards",
}
_NAMES: Final = {"device": "device", "command": "id", "group_command": "id", "alert": "id", "shadow": "device", "dashboard": "name"}
Changes = dict[tuple[str, str], Mapping[str, Any]]  # (what, name) -> the newest item


class EntityMail:
    """The entities of one viewer; `wake` is called when its own task has something to send."""

    def __init__(
        self, wake: Callable[[], None], try_send: Callable[[Prepared], bool], *, is_json: bool, in_reach: InReach | None = None
    ) -> None:
        self.is_json = is_json
        self._wake = wake
        self._try_send = try_send
        self._waiting: Changes = {}
        self._is_greeted = False
        self._in_reach = in_reach  # None: everything is
        self.close: Callable[[], None] = (lambda: None) if in_reach is None else in_reach.watch(self._moved)

    def greeting(self, entities: Entities) -> Iterator[Message]:
        """Return the messages that tell everything there is. What changes while they are being sent comes again with a higher version."""
        everything = {
            "device": entities.devices(),
            "command": entities.commands(),
            "group_command": entities.group_commands(),
            "alert": entities.alerts(),
            "shadow": entities.shadows(),
            "dashboard": entities.dashboards(),
        }
        told = {what: self._shown(what, items) for what, items in everything.items() if self._tells(what)}
        whole = [part for what, items in told.items() for part in _parts(_PLURALS[what], items)]
        return iter([*whole, {"op": "system", **entities.system()}] if self._tells("system") else whole)

    def greeted(self) -> None:
        """Note that the greeting is sent: what changes from now on may come at any time."""
        self._is_greeted = True

    def tell(self, changes: Changes, prepared: Iterable[Prepared]) -> None:
        """Send what changed at once, or keep it for the viewer's own task. Sent twice it does no harm: items have versions."""
        if self._in_reach is not None:  # what is prepared is for those who may see all
            told = {key: self._in_reach.told(key[0], item) for key, item in changes.items()}
            changes, prepared = {key: item for key, item in told.items() if item is not None}, ()
        if self._in_reach is not None or not (self._is_greeted and all(map(self._try_send, prepared))):
            self._waiting.update(changes)
            self._wake()

    def _shown(self, what: str, items: list[Any]) -> list[Any]:
        if self._in_reach is None:
            return items
        return [told for told in (self._in_reach.told(what, item) for item in items) if told is not None]

    def _tells(self, what: str) -> bool:
        return self._in_reach is None or self._in_reach.tells(what)

    def _moved(self, device: str, items: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
        """Tell that a device came into reach or left it, and forget what waits of it."""
        self._waiting = {key: item for key, item in self._waiting.items() if item.get("device") != device}
        for what, item in items:
            note(self._waiting, what, item)
        self._wake()

    def take(self) -> Iterator[Message]:
        """Return the messages for what waits, and forget it."""
        waiting, self._waiting = self._waiting, {}
        return messages_of(waiting)


def note(changes: Changes, what: str, item: Mapping[str, Any]) -> None:
    """Take in a change."""
    changes[what, str(item[_NAMES[what]]) if what in _NAMES else ""] = item


def messages_of(changes: Changes) -> Iterator[Message]:
    """Return changes as messages."""
    for what, op in _PLURALS.items():
        items = [item for (kind, _), item in changes.items() if kind == what]
        if items:
            yield from _parts(op, items)
    if ("system", "") in changes:
        yield {"op": "system", **changes["system", ""]}


def _parts(op: str, items: list[Any]) -> Iterator[Message]:
    """Cut a list into messages of MAX_ITEMS, at least one."""
    for at in range(0, max(len(items), 1), MAX_ITEMS):
        yield {"op": op, "items": items[at : at + MAX_ITEMS]}
