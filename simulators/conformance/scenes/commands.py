"""Scenes of commands: each runs at most once, whatever comes twice, reboots or is cancelled, and its end is told until it is acked.

Owns these scenarios; scenes/__init__.py lists them in the order of the course. Cancels and fences are in cancels.py;
full_table, which leaves no room for others until ids are forgotten, is played at the end of the course.
"""

import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from devices.wire.messages import Outcome
from simulators.conformance.scenario import Scenario
from simulators.conformance.scenes.keeping import resent
from simulators.conformance.stand import Stand
from simulators.conformance.talk import Talk
from simulators.conformance.verdict import Broken, NotApplicable
from simulators.conformance.windows import credit_of

ANSWER_S: Final = 5.0
FINAL: Final = frozenset({"done", "failed", "rejected", "expired", "cancelled"})
MANY: Final = 600  # ids; a table that holds more is as good as endless here
BATCH: Final = 50


async def commanded(stand: Stand) -> Talk:
    """Return a connection of a client that takes commands. Raises NotApplicable for one that does not."""
    talk = await stand.ready()
    if not talk.hello.commands:
        raise NotApplicable("hello names no commands")
    return talk


async def send(talk: Talk, id_: str, name: str, args: Mapping[str, Any], ttl_s: float = 60.0, **more: Any) -> None:
    """Send a command."""
    message = {"op": "command", "id": id_, "name": name, "args": dict(args), "ttl_s": ttl_s, "created_us": time.time_ns() // 1_000}
    await talk.say(message | more)


def said(stand: Stand, id_: str) -> list[Outcome]:
    """Return all that was said of a command."""
    return [outcome for outcome in stand.book.results if outcome.id == id_]


async def ended(stand: Stand, talk: Talk, id_: str, after: int = 0, within_s: float = ANSWER_S) -> Outcome:
    """Wait until a command has ended, by what was said of it from the `after`-th word on; return that."""

    def final() -> list[Outcome]:
        return [outcome for outcome in said(stand, id_)[after:] if outcome.state.value in FINAL]

    came = ", ".join(outcome.state.value for outcome in said(stand, id_)[after:]) or "nothing"
    await talk.until(final, within_s, f"the end of command {id_} (said before: {came})")
    return final()[0]


def expect(outcome: Outcome, *states: str, reason: str | None = None) -> None:
    """Compare an end with what was expected. Raises Broken."""
    if outcome.state.value not in states or (reason is not None and outcome.reason != reason):
        wanted = " or ".join(states) + (f", reason {reason}" if reason else "")
        raise Broken(f"expected command {outcome.id} to end {wanted}; it ended {outcome.state.value} {outcome.reason or ''}".rstrip())


async def echo(stand: Stand) -> str:
    """Have it say something."""
    talk = await commanded(stand)
    for number, text in enumerate(("hello", "", "größer ✓", "x" * 300)):
        await send(talk, f"echo-{number}", "echo", {"text": text})
        outcome = await ended(stand, talk, f"echo-{number}")
        expect(outcome, "done")
        if outcome.value != text:
            raise Broken(f"expected the value {text!r} of echo; {outcome.value!r} came")
    return "four texts, each came back as the value of done"


async def twice(stand: Stand) -> str:
    """Send an id again, with another text: only what ran first may be said."""
    talk = await commanded(stand)
    await send(talk, "twice-1", "echo", {"text": "first"})
    await ended(stand, talk, "twice-1")
    for _ in range(2):
        before = len(said(stand, "twice-1"))
        await send(talk, "twice-1", "echo", {"text": "second"})
        outcome = await ended(stand, talk, "twice-1", before)
        expect(outcome, "done")
        if outcome.value != "first":
            raise Broken(f"expected the value of the first run again; {outcome.value!r} came: it ran twice")
    await send(talk, "twice-2", "wait", {"s": 0.5})
    await send(talk, "twice-2", "wait", {"s": 0.5})
    expect(await ended(stand, talk, "twice-2"), "done")
    await talk.listen(0.8)
    states = stand.book.states_of("twice-2")
    if "running" in states[states.index("done") :] or "accepted" in states[states.index("done") :]:
        raise Broken(f"expected one run of a command that came twice while it ran; {', '.join(states)} came")
    return "sent again while it ran and after: run once, its end said again"


async def interrupted(stand: Stand) -> str:
    """Cut the power while a command runs."""
    talk = await commanded(stand)
    await send(talk, "cut-1", "wait", {"s": 30})
    await talk.until(lambda: stand.book.states_of("cut-1"), ANSWER_S, "accepted or running")
    before = len(said(stand, "cut-1"))
    await stand.reboot()
    talk = await stand.connect()
    expect(await ended(stand, talk, "cut-1", before), "failed", reason="interrupted")
    before = len(said(stand, "cut-1"))
    await send(talk, "cut-1", "wait", {"s": 0.1})
    expect(await ended(stand, talk, "cut-1", before), "failed", reason="interrupted")
    return "failed, interrupted after the reboot; sent again: not run, the same said again"


async def told_again(stand: Stand) -> str:
    """Ack no result: it is told at the next connection and after a reboot."""
    talk = await commanded(stand)
    talk.is_acking = False
    await send(talk, "told-1", "echo", {"text": "kept"})
    await ended(stand, talk, "told-1")
    talk.cut()
    for how in ("the link was cut", "its power was cut"):
        if how == "its power was cut":
            await stand.reboot()
        talk = await stand.greet()
        if not any(outcome.id == "told-1" and outcome.state.value == "done" for outcome in talk.hello.results):
            raise Broken(f"expected command told-1 as done in hello's results after {how}: its result is not acked")
        await talk.welcome(credit_of((0, 0), (0, 0), "starting"))
    talk.cut()
    talk = await stand.connect()
    await resent(stand, talk, "the result that was never acked")
    before = len(said(stand, "told-1"))
    await send(talk, "told-1", "echo", {"text": "other"})
    outcome = await ended(stand, talk, "told-1", before)
    if outcome.value != "kept":
        raise Broken(f"expected the value of the run before the reboot again; {outcome.value!r} came: it ran twice")
    return "a result that is not acked is in hello, after a cut and after a reboot, and never run again"


async def _is_full(stand: Stand, talk: Talk) -> bool:
    """Tell whether the twenty commands of `expired` are more than its table of ids holds: one is refused as busy, late-1 gets no answer."""
    with suppress(Broken):
        await talk.until(lambda: said(stand, "late-1"), ANSWER_S, "a word of command late-1")
    is_busy = any(outcome.reason == "busy" for number in range(20) for outcome in said(stand, f"busy-{number}"))
    return is_busy and not said(stand, "late-1")


async def expired(stand: Stand) -> str:
    """Send a command whose time is over before it can begin."""
    talk = await commanded(stand)
    for number in range(20):  # whatever runs at a time, the one behind these waits, or begins at once
        await send(talk, f"busy-{number}", "wait", {"s": 1.0})
    await send(talk, "late-1", "echo", {"text": "late"}, ttl_s=0.3)
    if await _is_full(stand, talk):
        raise NotApplicable("its table of ids is full before it has so much to do; what finds no place in it is not answered")
    outcome = await ended(stand, talk, "late-1", within_s=30.0)
    for number in range(20):
        await talk.say({"op": "cancel", "id": f"busy-{number}"})
    await send(talk, "late-2", "echo", {"text": "late"}, ttl_s=0)
    outcome_2 = await ended(stand, talk, "late-2", within_s=30.0)
    states = {outcome.state.value, outcome_2.state.value}
    if not states <= {"expired", "done", "rejected"} or (outcome.state.value == "done" and states == {"done"}):
        raise Broken(
            f"expected expired where the time to live was over before it began; {outcome.state.value} and {outcome_2.state.value} came"
        )
    return f"behind twenty others with 0.3 s to live: {outcome.state.value}; with 0 s: {outcome_2.state.value}"


async def unknown(stand: Stand) -> str:
    """Send what it does not take."""
    talk = await commanded(stand)
    await send(talk, "unknown-1", "make_coffee", {})
    outcome = await ended(stand, talk, "unknown-1")
    expect(outcome, "rejected")
    await send(talk, "unknown-2", "echo", {"text": 5})
    expect(await ended(stand, talk, "unknown-2"), "rejected", "failed")
    await send(talk, "unknown-3", "wait", {})
    expect(await ended(stand, talk, "unknown-3"), "rejected", "failed")
    return f"a name of nobody: rejected ({outcome.reason}); bad arguments: {', '.join(stand.book.states_of('unknown-2'))}"


async def full_table(stand: Stand) -> str:
    """Send more commands than it can keep."""
    talk = await commanded(stand)
    refused = ""
    for begin in range(0, MANY, BATCH):
        for number in range(begin, begin + BATCH):
            await send(talk, f"many-{number}", "wait", {"s": 600}, ttl_s=1200)
        await talk.listen(0.4)
        refused = next((outcome.id for outcome in stand.book.results if outcome.id.startswith("many-") and outcome.reason == "busy"), "")
        if refused or talk.closed is not None:
            break
    if talk.closed is not None:
        raise Broken(f"expected it to answer rejected, busy with a full table; it closed the connection with {talk.closed.code}")
    await talk.count(3, ANSWER_S, "frames as before, with a full table of commands")
    answered = {outcome.id for outcome in stand.book.results if outcome.id.startswith("many-")}
    if not refused:
        await _clear(talk)
        raise NotApplicable(f"{len(answered)} of {MANY} commands were answered, none with rejected, busy")
    expect(said(stand, refused)[0], "rejected", reason="busy")
    await _clear(talk)
    before = len(said(stand, refused))
    await send(talk, refused, "wait", {"s": 0})
    await talk.listen(1.0)
    again = {outcome.state.value for outcome in said(stand, refused)[before:]}
    if again - {"rejected", "too_late"}:
        raise Broken(f"expected {refused} not to begin after rejected, busy; {', '.join(sorted(again))} came")
    return f"{refused} was rejected, busy; sent again once there was room: not begun"


async def _clear(talk: Talk) -> None:
    for number in range(MANY):
        await talk.say({"op": "cancel", "id": f"many-{number}"})
    await talk.listen(1.0)


SCENES = (
    Scenario("echo", "7", "runs a command and says its value", echo),
    Scenario("command-twice", "7", "runs an id once, however often it comes", twice),
    Scenario("interrupted", "7", "reports a command that a reboot broke off as failed, interrupted, and never runs it again", interrupted),
    Scenario("result-told-again", "4, 7", "tells a result until it is acked, in hello too", told_again),
    Scenario("expired", "7", "does not begin a command whose time to live is over", expired),
    Scenario("unknown-command", "7", "rejects a name or an argument that it does not take", unknown),
)
