"""Batches of exchanges against one hub: said side by side, then held against what must be so; what fails is made small and kept.

Owns what counts as broken beyond a single answer: the log, tasks, sockets, memory, the balance. Used by the tests and the program.
"""

import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import trio
from structlog.typing import EventDict

from tests.fuzz.aftermath import shown_wrong
from tests.fuzz.attack import Said, attack
from tests.fuzz.balance import balance_of
from tests.fuzz.exchange import Exchange
from tests.fuzz.shrinking import shrunk
from tests.fuzz.stage import DEADLINE_S, Hostile, Stage
from tests.support.waiting import until

CASES: Final = Path(__file__).parent / "cases"
BATCH: Final = 400
ATTACKERS: Final = 40  # at a time
MAX_GROWTH_BYTES: Final = 20_000_000
# Lines above info that a hub under attack rightly writes.
EXPECTED: Final = frozenset(
    {
        *("device_refused", "device_flapping", "login_failed", "address_limited", "viewer_limited", "flood_closed"),
        *("event_loop_blocked", "pressure"),  # the attackers share the hub's process
    }
)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that broke, by this exchange where that is known."""

    exchange: Exchange | None
    what: str


@dataclass
class Course:
    """Batches on one stage."""

    stage: Stage
    cases: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    stood_still: list[str] = field(default_factory=list)  # when the event loop did, and where

    async def batch(self, exchanges: Sequence[Exchange]) -> list[Finding]:
        """Say the exchanges, at most so many at a time, and return what broke."""
        stage = self.stage
        await stage.is_quiet()
        stage.rows.clear()
        stage.logs.clear()
        hostiles = await stage.hostiles(min(ATTACKERS, len(exchanges)))
        tasks, sockets, _ = stage.figures()
        parked = stage.hub.side.writer.parked.count
        said: list[Said] = []
        waiting = list(reversed(exchanges))
        async with trio.open_nursery() as nursery:
            for hostile in hostiles:
                nursery.start_soon(self._attack, hostile, waiting, said)
        self.cases += len(exchanges)
        findings = [Finding(each.exchange, what) for each in said for what in each.wrong]
        findings += await self._settled(tasks, sockets)
        findings += [Finding(None, what) for what in await shown_wrong(stage, hostiles)]
        findings += [*self._logged(said)]
        stored = await stage.stored({hostile.name for hostile in hostiles})
        balance = balance_of(said, stage.rows, stored, stage.hub.side.writer.parked.count - parked)
        self.counts += balance.counts
        findings += [Finding(None if who is None else who.exchange, what) for who, what in balance.wrong]
        await stage.forget(hostiles)
        return findings

    async def _attack(self, hostile: Hostile, waiting: list[Exchange], said: list[Said]) -> None:
        while waiting:
            said.append(await attack(self.stage, waiting.pop(), hostile))

    async def _settled(self, tasks: int, sockets: int) -> list[Finding]:
        """Wait until tasks and sockets are back to what they were."""
        try:
            await self.stage.is_quiet()
            await until(lambda: self.stage.is_at_rest(tasks, sockets), DEADLINE_S)
        except trio.TooSlowError:
            now = self.stage.figures()
            return [
                Finding(
                    None,
                    f"not back at rest: {now[0]} tasks (were {tasks}), {now[1]} sockets (were {sockets}), "
                    f"{self.stage.door.connections} connections",
                )
            ]
        return []

    def _logged(self, said: Sequence[Said]) -> list[Finding]:
        for line in self.stage.logs:
            if line["event"] == "event_loop_blocked":
                self.stood_still.append(f"{line['for_s']} s in {line['task']}, {line['where']}")
        by_port = {each.port: each.exchange for each in said}
        by_epoch = {each.epoch: each.exchange for each in said}
        return [
            Finding(by_port.get(_port(line)) or by_epoch.get(line.get("epoch", 0)), _told(line))
            for line in self.stage.logs
            if _is_unexpected(line)
        ]

    async def alone(self, exchange: Exchange, hostile: Hostile) -> list[str]:
        """Say one exchange, and return what is wrong by its answers and the log, without waiting for what is stored."""
        self.stage.logs.clear()
        said = await attack(self.stage, exchange, hostile)
        await self.stage.is_alone()
        return [*said.wrong, *(each.what for each in self._logged([said]))]

    async def minimised(self, finding: Finding, exchanges: Sequence[Exchange]) -> tuple[Exchange, str] | None:
        """Return a small exchange that fails alone, with what it breaks; None where none does alone."""
        whys = [finding.what]

        is_quick = True  # to know what is stored takes two seconds

        async def fails(exchange: Exchange) -> bool:
            found = await self.alone(exchange, hostile) if is_quick else [each.what for each in await self.batch([exchange])]
            whys[:] = found[-1:] or whys
            return bool(found)

        suspect = finding.exchange or await self._suspect(exchanges)
        hostile = (await self.stage.hostiles(1))[0]
        if await fails(suspect):
            return await shrunk(suspect, fails), whys[0]
        is_quick = False
        return (await shrunk(suspect, fails, 40), whys[0]) if await fails(suspect) else None

    async def _suspect(self, exchanges: Sequence[Exchange]) -> Exchange:
        """Return the one of a batch that fails, by halves."""
        while len(exchanges) > 1:
            half = exchanges[: len(exchanges) // 2]
            exchanges = half if await self.batch(half) else exchanges[len(half) :]
        return exchanges[0]


def _is_unexpected(line: EventDict) -> bool:
    return "exc_info" in line or (line["log_level"] not in ("debug", "info") and line["event"] not in EXPECTED)


def _port(line: EventDict) -> int:
    client: Any = line.get("client") or line.get("remote") or ""
    try:
        return int(client[1] if isinstance(client, tuple) else str(client).rpartition(":")[2])
    except ValueError:
        return 0


def _told(line: EventDict) -> str:
    error = line.get("exc_info")
    if isinstance(error, BaseException):
        return f"log: {line['event']}: " + "; ".join(_leaves(error))
    return f"log: {dict(line)}"


def _leaves(error: BaseException) -> Iterator[str]:
    """Yield each error of a group, with the lines of code that it came from."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
        return
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    yield f"{error!r} in {', '.join(f'{Path(frame.filename).name}:{frame.lineno} {frame.name}' for frame in frames)}"
