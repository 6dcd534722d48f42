"""What other nodes have changed in the store that all share, brought to the parts of this one that remember it.

Owns the order, that nothing is left out where the store is away or a part fails meanwhile, and who is asked; each part owns what it takes
in. Run by control.py, again where it failed; on a hub that is alone nothing ever comes.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final, Protocol

import trio

from hub.ports import Changed, StateStore, StoreUnavailable

_AGAIN_S: Final = 0.5
_FIRST: Final = ("device",)  # what others of the same change speak of


class Part(Protocol):
    """A part with a memory of what is stored."""

    async def refresh(self, kind: str, keys: Sequence[str]) -> None:
        """Take in what another node has changed; other kinds are not looked at. Raises StoreUnavailable."""

    async def reload(self) -> None:
        """Take in whatever there is. Raises StoreUnavailable."""


class Whole:
    """A part that reads all of its one kind again, as there is little of it."""

    def __init__(self, kind: str, reload: Callable[[], Awaitable[None]]) -> None:
        self._kind, self._reload = kind, reload

    async def refresh(self, kind: str, keys: Sequence[str]) -> None:
        """Read it again where another node has changed any of it. Raises StoreUnavailable."""
        if kind == self._kind:
            await self._reload()

    async def reload(self) -> None:
        """Read it again. Raises StoreUnavailable."""
        await self._reload()


class TakingIn:
    """Tells the parts, one after another."""

    def __init__(self, state: StateStore, parts: Iterable[Part]) -> None:
        self._state = state
        self._parts = tuple(parts)
        self._is_missed = False  # something was not brought to all

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Wait for changes and bring them until cancelled."""
        task_status.started()
        while True:
            try:
                changed = Changed(None) if self._is_missed else await self._state.next_change()
                self._is_missed = True
                await self._bring(changed)
                self._is_missed = False
            except StoreUnavailable:  # of which others have told
                await trio.sleep(_AGAIN_S)

    async def _bring(self, changed: Changed) -> None:
        if changed.what is None:
            for part in self._parts:
                await part.reload()
            return
        kinds: dict[str, list[str]] = {}
        for kind, key in sorted(changed.what):
            kinds.setdefault(kind, []).append(key)
        for kind in sorted(kinds, key=lambda kind: kind not in _FIRST):
            for part in self._parts:
                await part.refresh(kind, kinds[kind])
