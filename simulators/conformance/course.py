"""The course: scenarios one after another with one client, or several at a time with a client of its own for each.

Owns who plays where and what becomes of errors. Where it can start clients (`--run`) each scenario has a fresh one, so that what fails in
one says nothing of the next; a client that a person starts goes through all of them. hub/cli/conformance.py runs it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import trio

from simulators.conformance.scenario import Outcome, Scenario, Word
from simulators.conformance.stand import Stand
from simulators.conformance.verdict import Broken, NotApplicable

AT_ONCE: Final = 6  # clients; most of their time they wait
REST_S: Final = 6.0  # a connection that lasts so long mostly starts a client's backoff over
DEVICE: Final = "conformance-1"


class Tell(Protocol):
    """Who is told how it goes."""

    def begun(self, scenario: Scenario) -> None:
        """A scenario begins."""

    def ended(self, outcome: Outcome) -> None:
        """A scenario has ended."""

    def say(self, text: str) -> None:
        """Something is asked of the person."""


@dataclass(frozen=True, slots=True)
class Wish:
    """How to play. `folder` is for spools and what clients print; without a `command` a person starts the client."""

    folder: Path
    command: str | None = None
    host: str = "127.0.0.1"
    port: int = 0
    at_once: int = AT_ONCE


async def play_by_process(scenarios: Sequence[Scenario], wish: Wish, tell: Tell) -> list[Outcome]:
    """Play each with a client of its own, some at a time; return how they ended, in their order. Raises OSError."""
    outcomes: dict[str, Outcome] = {}
    limiter = trio.CapacityLimiter(wish.at_once)

    async def play_one(scenario: Scenario) -> None:
        async with limiter, trio.open_nursery() as nursery:
            folder = wish.folder / scenario.name
            spool = folder / "spool"
            spool.mkdir(parents=True)
            stand = Stand(wish.host, 0, DEVICE, spool, wish.command, tell.say)
            await nursery.start(stand.run)
            tell.begun(scenario)
            outcomes[scenario.name] = await played(scenario, stand)
            tell.ended(outcomes[scenario.name])
            nursery.cancel_scope.cancel()

    async with trio.open_nursery() as nursery:
        for scenario in scenarios:
            nursery.start_soon(play_one, scenario)
    return [outcomes[scenario.name] for scenario in scenarios]


async def play_by_hand(scenarios: Sequence[Scenario], wish: Wish, tell: Tell, introduce: Callable[[Stand], None]) -> list[Outcome]:
    """Play all with one client that a person starts; `introduce` says how. Raises OSError where the port is taken."""
    outcomes = []
    async with trio.open_nursery() as nursery:
        stand = Stand(wish.host, wish.port, DEVICE, tell=tell.say)
        await nursery.start(stand.run)
        introduce(stand)
        for scenario in scenarios:
            tell.begun(scenario)
            before = len(stand.came_at)
            outcomes.append(await played(scenario, stand))
            tell.ended(outcomes[-1])
            if len(stand.came_at) > before + 1:
                await stand.rest(REST_S)
        nursery.cancel_scope.cancel()
    return outcomes


async def played(scenario: Scenario, stand: Stand) -> Outcome:
    """Play one scenario; what the client breaks is its outcome."""
    began = trio.current_time()
    word: Word = "passed"
    try:
        why = await scenario.play(stand)
    except NotApplicable as error:
        word, why = "not applicable", str(error)
    except Broken as error:
        word, why = "failed", str(error)
        if stand.talk is not None:
            stand.talk.cut()
    return Outcome(scenario, word, why, trio.current_time() - began)
