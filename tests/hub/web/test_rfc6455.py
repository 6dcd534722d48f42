"""The case table of RFC 6455 against an echo session behind the hub's own settings: in memory, over TCP and over TLS.

What is said comes whole, cut into single bytes, and in one piece with its neighbours. Exact in each way are what the session hears, the
pongs and the Close. The echoes are exact where the client waits for them before it ends the connection; where it does not, the session's
answers race with the end, and those that are heard must be the first ones. `make rfc6455` tries every case in every way, ten times over;
here each gets three ways in memory and one on sockets.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import trio
import trio.testing

from tests.support.rfc6455 import NO_CLOSE, TEXT, Ear, frame, single_bytes
from tests.support.rfc6455_cases import CASES, Case, together
from tests.support.rfc6455_door import Encryption, running_echo_door
from tests.support.rfc6455_echo import Answered, Echo, Pause, Script, serve_script

IS_THOROUGH = bool(os.environ.get("TRIBUTARY_TEST_RFC6455_THOROUGH"))
ALL = list(CASES.values())
CLEAN = [case for case in ALL if case.is_clean and len(case.sent) < 5_000]
CONNECTIONS = 10  # at a time: each of some says thousands of pieces, and all share one thread


def named(name: str) -> Case | object:
    """Return a case as a parameter."""
    return pytest.param(CASES[name], id=name)


def cut(data: bytes) -> list[bytes]:
    """Return what is said, byte by byte; long messages only near the ends of their frames, or it takes minutes."""
    return single_bytes(data, is_thorough=IS_THOROUGH and len(data) < 5_000)


def waited(case: Case, sent: list[bytes], end: list[bytes]) -> Script:
    """Return a script whose client waits for all answers before it ends the connection."""
    return [Pause(), *sent, Answered(messages=len(case.echoes), pongs=len(case.pongs), is_closed=case.is_ours), *end]


def neighbours(case: Case) -> Iterator[Case]:
    """Yield the case between others."""
    at = ALL.index(case)
    yield together(case, CLEAN[at % len(CLEAN)], ALL[(at + 1) % len(ALL)])
    yield together(case, CLEAN[(at * 7 + 3) % len(CLEAN)], ALL[(at * 5 + 2) % len(ALL)])


def check(case: Case, ear: Ear, echo: Echo, *, has_waited: bool) -> None:
    """Hold what was heard on both ends against the case."""
    assert ear.code == case.code
    assert ear.pongs == list(case.pongs)
    assert ear.messages == list(case.echoes[: None if has_waited else len(ear.messages)])
    if case.code == 1009 and not has_waited:
        # Our Close takes what the session has not come to yet, and what follows ours in the same piece changes the reason it is told.
        assert echo.messages == list(case.messages[: len(echo.messages)])
    else:
        assert echo.messages == list(case.messages)
        assert case.is_ours or echo.code == case.session_code


@dataclass(frozen=True, slots=True)
class Way:
    """A way to say a case: to which kind of session, in which pieces."""

    said: Case
    script: Script
    is_handed: bool
    has_waited: bool

    @property
    def leaves(self) -> bool:
        """Tell whether the client leaves without a Close."""
        return self.said.code == NO_CLOSE


def ways(case: Case) -> list[Way]:
    """Return how a case is said: every way if thorough, otherwise three, so that each way gets its share of the cases."""
    whole, pieces = waited(case, [case.sent], [case.end]), waited(case, cut(case.sent), cut(case.end))
    waiting = [Way(case, script, is_handed, True) for is_handed in (False, True) for script in (whole, pieces)]
    joined = [] if case.is_ours else list(neighbours(case))
    running = [Way(said, [said.sent + said.end], is_handed, False) for said in joined for is_handed in (False, True)]
    if IS_THOROUGH:
        return waiting + running
    at = ALL.index(case)
    return [waiting[at % 2 * 2], waiting[(at + 1) % 2 * 2 + 1], *running[at % 4 :][:1]]


@pytest.mark.parametrize("case", [named(name) for name in CASES])
async def test_every_case_holds_in_memory(case: Case, autojump_clock: trio.testing.MockClock) -> None:
    for way in ways(case):
        echo = Echo(is_handed=way.is_handed)
        ear = await serve_script(way.script, echo, leaves=way.leaves)
        check(way.said, ear, echo, has_waited=way.has_waited)


@pytest.mark.parametrize("is_handed", [False, True], ids=["waiting", "handed"])
@pytest.mark.parametrize("before", [[], [Pause()], [Pause(), frame(b"message")]], ids=["handshake", "nothing", "echo"])
async def test_breach_while_something_is_being_sent_is_told(
    before: list[Pause | bytes], autojump_clock: trio.testing.MockClock, *, is_handed: bool
) -> None:
    for breach, code in ((frame(b"", 3), 1002), (frame(b"\xff", TEXT), 1007), (frame(b"x" * 65_537), 1009)):
        ear = await serve_script([*before, breach], Echo(is_handed=is_handed), is_slow=True)
        assert ear.code == code


@pytest.fixture(scope="module")
def encryption(tmp_path_factory: pytest.TempPathFactory) -> Encryption:
    return Encryption(Path(tmp_path_factory.mktemp("rfc6455")))


@pytest.mark.parametrize("is_encrypted", [False, True], ids=["tcp", "tls"])
async def test_every_case_holds_on_sockets(encryption: Encryption, *, is_encrypted: bool) -> None:
    wrong: list[str] = []
    limiter = trio.CapacityLimiter(CONNECTIONS)

    async def say(way: Way, name: str) -> None:
        echo = Echo(is_handed=way.is_handed)
        async with limiter:
            try:
                check(way.said, await door.say(way.script, echo, leaves=way.leaves), echo, has_waited=way.has_waited)
            except (AssertionError, trio.TooSlowError) as error:
                wrong.append(f"{name}, {way.is_handed=}, {way.has_waited=}: {(str(error) or 'it did not end').splitlines()[0]}")

    async with running_echo_door(encryption if is_encrypted else None) as door, trio.open_nursery() as nursery:
        for at, case in enumerate(ALL):
            # A client that leaves TLS cannot listen on: what it said is lost with what it did not hear.
            possible = [way for way in ways(case) if way.has_waited or not way.leaves or not is_encrypted]
            for way in possible if IS_THOROUGH else [possible[at % len(possible)]]:
                nursery.start_soon(say, way, case.name)
    assert not wrong, "\n".join(wrong)
