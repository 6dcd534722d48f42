"""Commands to all devices at once among the faults: made under a key that is sent again, some cancelled, each device's part looked at.

Owns the groups of a run and what must hold of them beside verdict.py's promises for each command. Used by simulators/commands/course.py.
"""

from collections import Counter
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any, Final

from hub.client import HubClient, HubError, commands
from simulators.commands.verdict import Told, number_of

FIRST: Final = 1_000_000  # the number that a group's command has at every device; those of single commands are below
Again = Callable[[Callable[[], Awaitable[Any]]], Awaitable[Any]]  # tries until the hub answers


class Groups:
    """The group commands of one run."""

    def __init__(self, seed: int, devices: int, cancelled: float) -> None:
        self._rng = Random(f"{seed} groups")
        self._devices = devices
        self._cancelled = cancelled
        self._ids: dict[int, str] = {}  # number -> group
        self.wrong: list[str] = []

    async def send(self, client: HubClient, number: int, again: Again) -> None:
        """Make one, twice under its key, and cancel some: no device may be commanded twice, whatever was killed in between."""
        args = {"number": FIRST + number, "seconds": self._rng.choice([0, 0.3])}
        is_cancelled = self._rng.random() < self._cancelled

        async def make() -> dict[str, Any]:
            return await commands.send_to_group(client, "work", args, where="name=d*", ttl_s=900.0, key=f"g{number}")

        ids = {(await again(make))["id"] for _ in range(2)}
        if len(ids) > 1:
            self.wrong.append(f"group {number}: one key stands for {len(ids)} groups")
        self._ids[FIRST + number] = next(iter(ids))
        if is_cancelled:
            await again(lambda: commands.cancel_group(client, next(iter(ids))))

    async def ended(self, client: HubClient, timeout_s: float) -> tuple[list[Told], dict[int, dict[str, Any]]]:
        """Return each device's command of each group once all have ended, by number; what is wrong with a tally goes to `wrong`."""
        told, items = list[Told](), dict[int, dict[str, Any]]()
        for number, group_id in self._ids.items():
            group = await commands.group_ended(client, group_id, timeout_s)
            found = [item async for item in commands.listed(client, group=group_id, limit=1_000)]
            if len(found) != self._devices or group["tally"] != Counter(item["state"] for item in found) or "ended_us" not in group:
                self.wrong.append(f"group {number}: its tally is {group['tally']}, its {len(found)} commands say otherwise or are too few")
            for item in found:
                at = number_of(number, int(item["device"][1:]))
                told.append(Told(at))
                items[at] = item
        return told, items


async def until_answered(call: Callable[[], Awaitable[Any]], codes: tuple[str, ...], pause: Callable[[], Awaitable[None]]) -> Any:
    """Call until the hub answers; errors of other codes are raised."""
    while True:
        try:
            return await call()
        except HubError as error:
            if error.code not in codes:
                raise
            await pause()
