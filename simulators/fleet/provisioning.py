"""The devices of a run at the hub: made before it, taken away after it, whatever became of it.

Owns their names, tags and removal. Names begin with a word drawn for each run, so that runs beside each other do not meet; the tag
`run` says which run a device belongs to, for whoever has to clean up by hand.
"""

import secrets
from collections.abc import Callable, Sequence
from typing import Any, Final

import trio

from hub.client import HubClient, HubError, fleet
from simulators.fleet.errors import FleetError

AT_ONCE: Final = 8  # removals side by side
AGAIN_S: Final = 0.5
ADMIN_HINT: Final = "give the token of an administrator: tributary token add simulate --role admin"
_PASSING: Final = ("busy", "store_behind", "store_unavailable", "timeout", "unreachable")


async def known_hub(client: HubClient) -> dict[str, Any]:
    """Return what a hub says of itself. Raises FleetError for a token that it does not know, HubError."""
    try:
        return await client.hub()
    except HubError as error:
        if error.status != 401:
            raise
        raise FleetError(f"the hub at {client.url} does not know this token", ADMIN_HINT) from None


class Provisioned:
    """The devices of one run."""

    def __init__(self, run: str = "") -> None:
        self.run = run or secrets.token_hex(3)
        self._added: dict[str, None] = {}

    @property
    def by_hand(self) -> str:
        """The command that removes what is left."""
        return f"tributary device remove --where run={self.run} --with-data --yes"

    def names(self, group: str, count: int) -> list[str]:
        """Return the names of a group's devices."""
        width = len(str(count))
        clean = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in group)[:40]
        return [f"sim-{self.run}-{clean}-{at:0{width}}" for at in range(1, count + 1)]

    async def add(self, client: HubClient, names: Sequence[str], told: Callable[[int], None]) -> dict[str, str]:
        """Add devices and return their tokens. Raises FleetError for a token without the right, HubError."""
        tokens: dict[str, str] = {}
        for at in range(0, len(names), fleet.PAGE):
            part = names[at : at + fleet.PAGE]
            self._added |= dict.fromkeys(part)  # before the request: its answer may be lost
            try:
                tokens |= await fleet.add(client, [{"name": name, "kind": "simulated", "tags": [f"run={self.run}"]} for name in part])
            except HubError as error:
                if error.status not in (401, 403):
                    raise
                self._added.clear()
                raise FleetError(f"this token may not add devices: {error.message}", ADMIN_HINT) from None
            told(len(tokens))
        return tokens

    async def remove(self, client: HubClient, told: Callable[[int], None]) -> int:
        """Remove them and their readings; return how many. Raises HubError where the hub cannot be asked any more."""
        left, removed = list(reversed(self._added)), 0

        async def remove_some() -> None:
            nonlocal removed
            while left:
                name = left.pop()
                await self._remove(client, name)
                del self._added[name]
                removed += 1
                told(removed)

        try:
            async with trio.open_nursery() as nursery:
                for _ in range(AT_ONCE):
                    nursery.start_soon(remove_some)
        except BaseExceptionGroup as group:
            errors, _ = group.split(HubError)
            if errors is None:
                raise
            raise _first(errors) from None
        return removed

    async def _remove(self, client: HubClient, name: str) -> None:
        for tries_left in range(60, -1, -1):
            try:
                return await client.remove_device(name, with_data=True)
            except HubError as error:
                if error.status == 404:
                    return
                if error.code not in _PASSING or not tries_left:
                    raise
            await trio.sleep(AGAIN_S)


def _first(group: BaseExceptionGroup[HubError]) -> HubError:
    first = group.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
