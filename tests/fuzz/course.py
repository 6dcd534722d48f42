"""Batches of exchanges against one hub: said side by side, then held against what must be so; what fails is made small and kept.

Owns what counts as broken beyond a single answer: the log, tasks, sockets, memory, the balance. Used by the tests and the program.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import trio

from tests.fuzz.aftermath import shown_wrong
from tests.fuzz.attack import Said, attack
from tests.fuzz.balance import balance_of
from tests.fuzz.exchange import Exchange
from tests.fuzz.shrinking import shrunk
from tests.fuzz.stage import Hostile, Stage
from tests.fuzz.traces import Figures

CASES: Final = Path(__file__).parent / "cases"
BATCH: Final = 400
ATTACKERS: Final = 40  # at a time
MAX_GROWTH_BYTES: Final = 20_000_000
_PARKED: Final = "tributary_history_parked_readings"
_POSITION: Final = "tributary_journal_position"
# Lines above info that a hub under attack rightly writes.
EXPECTED: Final = frozenset(
    {
        *("device_refused", "device_flapping", "login_failed", "address_limited", "viewer_limited", "flood_closed"),
        *("event_loop_blocked", "pressure"),  # the attackers share its machine
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
        hostiles = await stage.hostiles(min(ATTACKERS, len(exchanges)))
        stage.log.take()
        before, metrics = await stage.figures(), await stage.metrics()
        said: list[Said] = []
        waiting = list(reversed(exchanges))
        async with trio.open_nursery() as nursery:
            for hostile in hostiles:
                nursery.start_soon(self._attack, hostile, waiting, said)
        self.cases += len(exchanges)
        findings = [Finding(each.exchange, what) for each in said for what in each.wrong]
        findings += await self._settled(before)
        findings += [Finding(None, what) for what in await shown_wrong(stage, hostiles)]
        findings += [*self._logged(said)]
        parked = int((await stage.metrics())[_PARKED] - metrics[_PARKED])
        balance = balance_of(said, stage.committed(int(metrics[_POSITION])), await stage.stored("hostile"), parked)
        self.counts += balance.counts
        findings += [Finding(None if who is None else who.exchange, what) for who, what in balance.wrong]
        await stage.forget(hostiles)
        return findings

    async def _attack(self, hostile: Hostile, waiting: list[Exchange], said: list[Said]) -> None:
        while waiting:
            said.append(await attack(self.stage, waiting.pop(), hostile))

    async def _settled(self, before: Figures) -> list[Finding]:
        """Wait until tasks and sockets are back to what they were."""
        try:
            await self.stage.is_quiet()
            await self.stage.is_at_rest(before)
        except trio.TooSlowError:
            return [Finding(None, f"not back at rest: {await self.stage.figures()}; before: {before}")]
        return []

    def _logged(self, said: Sequence[Said]) -> list[Finding]:
        lines = self.stage.log.take()
        self.stood_still += [
            f"{line['for_s']} s in {line['task']}, {line['where']}" for line in lines if line["event"] == "event_loop_blocked"
        ]
        by_port = {each.port: each.exchange for each in said}
        by_epoch = {each.epoch: each.exchange for each in said}
        return [
            Finding(by_port.get(_port(line)) or by_epoch.get(line.get("epoch", 0)), f"log: {dict(line)}")
            for line in lines
            if _is_unexpected(line)
        ]

    async def alone(self, exchange: Exchange, hostile: Hostile) -> list[str]:
        """Say one exchange, and return what is wrong by its answers and the log, without waiting for what is stored."""
        self.stage.log.take()
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


def _is_unexpected(line: Mapping[str, Any]) -> bool:
    return "exception" in line or (line["level"] not in ("debug", "info") and line["event"] not in EXPECTED)


def _port(line: Mapping[str, Any]) -> int:
    client: Any = line.get("client") or line.get("remote") or ""
    try:
        return int(client[1] if isinstance(client, list) else str(client).rpartition(":")[2])
    except ValueError:
        return 0
