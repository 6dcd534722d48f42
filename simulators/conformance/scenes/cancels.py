"""Scenes of cancelling commands, and of fences, which tell an older owner of the device from the present one.

Owns these scenarios; scenes/__init__.py lists them in the order of the course.
"""

from simulators.conformance.scenario import Scenario
from simulators.conformance.scenes.commands import ANSWER_S, commanded, ended, expect, said, send
from simulators.conformance.stand import Stand
from simulators.conformance.talk import Talk
from simulators.conformance.verdict import Broken, NotApplicable

SILENCE_S = 0.5


async def running(stand: Stand) -> str:
    """Cancel what runs."""
    talk = await commanded(stand)
    await send(talk, "stop-1", "wait", {"s": 20})
    await talk.until(lambda: stand.book.states_of("stop-1"), ANSWER_S, "accepted or running")
    await talk.say({"op": "cancel", "id": "stop-1"})
    expect(await ended(stand, talk, "stop-1"), "cancelled")
    return "a wait of 20 s ended cancelled at once"


async def unseen(stand: Stand) -> str:
    """Cancel what never came; then it comes."""
    talk = await commanded(stand)
    await talk.say({"op": "cancel", "id": "never-1"})
    expect(await ended(stand, talk, "never-1"), "cancelled")
    before = len(said(stand, "never-1"))
    await send(talk, "never-1", "echo", {"text": "after all"})
    await _and_nothing_else(stand, talk, "never-2")
    states = [outcome.state.value for outcome in said(stand, "never-1")[before:]]
    if set(states) - {"cancelled"}:
        raise Broken(f"expected a command that was cancelled before it came not to begin; {', '.join(states)} came")
    return "cancelled before it came: said, and not begun when it came after all"


async def _and_nothing_else(stand: Stand, talk: Talk, id_: str) -> None:
    """Wait until a command that comes behind is done, and a moment more: what was to be said of those before has been said."""
    await send(talk, id_, "echo", {"text": "behind"}, fence=stand.fence)
    expect(await ended(stand, talk, id_), "done")
    await talk.listen(SILENCE_S)


async def too_late(stand: Stand) -> str:
    """Cancel what has ended."""
    talk = await commanded(stand)
    await send(talk, "over-1", "echo", {"text": "over"})
    expect(await ended(stand, talk, "over-1"), "done")
    await talk.say({"op": "cancel", "id": "over-1"})
    await talk.until(lambda: "too_late" in stand.book.states_of("over-1"), ANSWER_S, "too_late")
    return "cancelled after its end: too_late"


async def _fenced(stand: Stand, rise: int) -> Talk:
    """Return a connection with a fence well above the one before. Raises NotApplicable for a client that keeps none."""
    await commanded(stand)
    if stand.talk is not None:
        stand.talk.cut()
    stand.fence += rise
    talk = await stand.connect()
    fence = stand.fence
    await talk.count(2, ANSWER_S)
    talk.cut()
    talk = await stand.greet()
    if talk.hello.fence is None:
        await talk.welcome()
        raise NotApplicable("hello says no fence")
    if talk.hello.fence != fence:
        raise Broken(f"expected fence {fence} in hello, the highest it was told; {talk.hello.fence} came")
    stand.fence += 1
    await talk.welcome(fence=stand.fence)
    return talk


async def lower_fence(stand: Stand) -> str:
    """Send commands and cancels of an older owner."""
    talk = await _fenced(stand, 100)
    await send(talk, "fence-1", "wait", {"s": 10}, fence=stand.fence)
    await talk.until(lambda: stand.book.states_of("fence-1"), ANSWER_S, "accepted or running for a command with the present fence")
    before = len(said(stand, "fence-1"))
    await send(talk, "fence-2", "echo", {"text": "stale"}, fence=stand.fence - 1)
    await talk.say({"op": "cancel", "id": "fence-1", "fence": stand.fence - 50})
    await _and_nothing_else(stand, talk, "fence-5")
    answered = stand.book.states_of("fence-2") + stand.book.states_of("fence-1")[before:]
    if answered:
        raise Broken(f"expected no answer to a command and a cancel with a lower fence; {', '.join(answered)} came")
    await send(talk, "fence-2", "echo", {"text": "now"}, fence=stand.fence)
    outcome = await ended(stand, talk, "fence-2")
    if outcome.value != "now":
        raise Broken(f"expected the command to run once it came with the present fence; {outcome.state.value} came")
    await talk.say({"op": "cancel", "id": "fence-1", "fence": stand.fence})
    expect(await ended(stand, talk, "fence-1", before), "cancelled")
    return "a command and a cancel with a lower fence: no answer; with the present one: run"


async def kept_fence(stand: Stand) -> str:
    """Tell a fence by a command, cut the power, and look at hello."""
    talk = await _fenced(stand, 100)
    stand.fence += 10
    await send(talk, "fence-3", "echo", {"text": "higher"}, fence=stand.fence)
    expect(await ended(stand, talk, "fence-3"), "done")
    await stand.reboot()
    talk = await stand.greet()
    if talk.hello.fence != stand.fence:
        raise Broken(f"expected fence {stand.fence} in hello after a reboot, told by a command; {talk.hello.fence} came")
    stand.fence += 1
    await talk.welcome(fence=stand.fence)
    await send(talk, "fence-4", "echo", {"text": "stale"}, fence=stand.fence - 5)
    await _and_nothing_else(stand, talk, "fence-6")
    if said(stand, "fence-4"):
        raise Broken(f"expected no answer to a command with a lower fence; {stand.book.states_of('fence-4')[0]} came")
    return f"fence {stand.fence - 1} of a command said in hello after a reboot"


SCENES = (
    Scenario("cancel-running", "7", "stops a command that is cancelled", running),
    Scenario("cancel-unseen", "7", "writes a cancel of an unknown id down and does not begin it later", unseen),
    Scenario("cancel-late", "7", "answers too_late where the command had ended", too_late),
    Scenario("lower-fence", "7", "neither runs, cancels nor answers with a lower fence", lower_fence),
    Scenario("fence-kept", "7", "keeps the highest fence over connections and reboots", kept_fence),
)
