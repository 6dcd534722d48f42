"""Scenes of how a hub ends a connection: bye with and without a time to come back, codes that ask to stay away, an epoch that is used.

Owns these scenarios; scenes/__init__.py lists them in the order of the course.
"""

import trio

from devices.wire.limits import CloseCode
from simulators.conformance.scenario import Scenario
from simulators.conformance.scenes.keeping import resent, unacked
from simulators.conformance.stand import Stand
from simulators.conformance.verdict import Broken

BYES = 4
RETRY_S, JITTER_S = 1.0, 2.0
SPREAD_S = 0.02  # of four uniform waits within 2 s: all so close together once in 250,000 runs
EARLY_S = 0.05  # two clocks and a scheduler
AWAY_S = 5.0


async def bye(stand: Stand) -> str:
    """Ask it to come back after a while, from that on within another, some times."""
    waits = []
    await unacked(stand, 4)
    for _ in range(BYES):
        assert stand.talk is not None
        before = len(stand.came_at)
        left_at = trio.current_time()
        await stand.talk.bye(CloseCode.RESTART, "service restart", retry_s=RETRY_S, jitter_s=JITTER_S)
        talk = await stand.connect()
        waits.append(stand.came_at[before] - left_at)
        if waits[-1] < RETRY_S - EARLY_S:
            raise Broken(f"expected it to wait at least retry_s = {RETRY_S:g} s; it came back after {waits[-1]:.2f} s")
    text = ", ".join(f"{wait:.2f}" for wait in waits)
    if max(waits) - min(waits) < SPREAD_S:
        raise Broken(f"expected a random part of jitter_s = {JITTER_S:g} s beside retry_s; it came back after {text} s")
    await resent(stand, talk, "what was not acked before the bye")
    return f"retry_s {RETRY_S:g}, jitter_s {JITTER_S:g}: back after {text} s"


async def restart(stand: Stand) -> str:
    """Close with 1012 and no bye."""
    talk = await unacked(stand, 4)
    await talk.close(CloseCode.RESTART, "service restart")
    talk = await stand.connect()
    await resent(stand, talk, "what was not acked before the close")
    return "closed with 1012: back, nothing lost"


async def stay_away(stand: Stand) -> str:
    """Tell it not to come back until somebody has acted."""
    talk = await unacked(stand, 4)
    before, left_at = len(stand.came_at), trio.current_time()
    await talk.bye(CloseCode.REVOKED, "the token was withdrawn")
    await trio.sleep(AWAY_S)
    if len(stand.came_at) > before:
        raise Broken(
            f"expected it to stay away after 4502 and a bye without retry_s; it came back after {stand.came_at[before] - left_at:.1f} s"
        )
    await stand.reboot()
    talk = await stand.connect()
    await resent(stand, talk, "what was not acked, once it was started again")
    return f"4502 and a bye without retry_s: away for {AWAY_S:g} s, and nothing lost when it was started again"


async def epoch_used(stand: Stand) -> str:
    """Claim that its epoch is known."""
    if stand.talk is None:
        await stand.power_on()
    else:
        stand.talk.cut()
    talk = await stand.greet()
    epoch = talk.hello.epoch
    if not any(entry.epoch == epoch for entry in talk.hello.unfinished):
        stand.book.epochs.pop(epoch, None)  # what comes next may renumber what was made in it
    left_at, before = trio.current_time(), len(stand.came_at)
    await talk.bye(CloseCode.EPOCH_USED, f"epoch {epoch} was used before; draw another", retry_s=0)
    talk = await stand.greet()
    if talk.hello.epoch == epoch:
        raise Broken(f"expected another epoch after epoch_used; hello says {epoch} again")
    if any(entry.epoch == epoch for entry in talk.hello.unfinished):
        raise Broken(f"expected what was made in epoch {epoch} to be numbered anew after epoch_used: it is another's; hello lists it")
    await talk.welcome()
    await resent(stand, talk, "what was made before")
    await talk.count(5, 5.0)
    return f"another epoch after {stand.came_at[before] - left_at:.2f} s, numbered from 1"


SCENES = (
    Scenario("bye", "9", "comes back when bye says", bye),
    Scenario("restart", "9", "comes back after 1012", restart),
    Scenario("epoch-used", "3, 9", "draws another epoch where the hub knows the first", epoch_used),
    Scenario("stay-away", "9", "does not come back after a code of 4500 or more", stay_away),
)
