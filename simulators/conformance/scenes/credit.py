"""Scenes of credit: windows that fill up, shrink, close, and let one frame through however large it is.

Owns these scenarios; scenes/__init__.py lists them in the order of the course. What goes beyond a window is seen by windows.py.
"""

from simulators.conformance.scenario import Scenario
from simulators.conformance.stand import Stand
from simulators.conformance.talk import Talk
from simulators.conformance.verdict import Broken
from simulators.conformance.windows import GRACE_S, WIDE, credit_of

QUIET_S = 0.8


async def _narrow(stand: Stand, frames: int, window_bytes: int = 1 << 18) -> Talk:
    """Return a new connection with this window from its welcome on."""
    if stand.book.lives == 0:
        await stand.power_on()
    elif stand.talk is not None:
        stand.talk.cut()
    talk = await stand.greet()
    talk.is_acking = False
    await talk.welcome(credit_of((frames, window_bytes), (256, 1 << 20)))
    return talk


async def window(stand: Stand) -> str:
    """Grant four frames and ack none, then some."""
    talk = await _narrow(stand, 4)
    await talk.until(lambda: talk.in_flight() == 4, 10.0, "4 frames within a window of 4")
    await talk.listen(QUIET_S)
    first = next(frame for frame in talk.frames if frame.epoch == talk.hello.epoch)
    await talk.ack((first.epoch, first.seq + 1))
    await talk.until(lambda: talk.in_flight() == 4, 5.0, "2 more frames after 2 were acked")
    await talk.listen(QUIET_S)
    await talk.ack_all(WIDE)
    await talk.count(5, 5.0, "frames again in a wide window")
    return "never more than 4 frames in flight, 2 more for 2 that were acked"


async def smaller(stand: Stand) -> str:
    """Shrink the window while frames are in flight."""
    talk = await stand.ready()
    await talk.count(3, 5.0)
    talk.is_acking = False
    await talk.narrow(credit_of((2, 1 << 18), (64, 1 << 18)))
    await talk.listen(GRACE_S + QUIET_S)
    await talk.ack_all()
    await talk.listen(QUIET_S)
    talk.is_acking = False
    await talk.listen(QUIET_S)
    if talk.in_flight() < 1:
        raise Broken("expected frames within a window of 2; none came")
    await talk.ack_all(WIDE)
    await talk.count(5, 5.0, "frames again in a wide window")
    return "a window of 2 frames held after one of 256"


async def hold(stand: Stand) -> str:
    """Grant nothing, with a reason, and say so again."""
    talk = await stand.ready()
    await talk.count(3, 5.0)
    talk.is_acking = False
    closed = credit_of((0, 0), (0, 0), "store_full")
    await talk.narrow(closed)
    await talk.listen(GRACE_S)
    await talk.ack((talk.hello.epoch, stand.book.epochs[talk.hello.epoch].received), credit=closed)
    before = len(talk.frames)
    await talk.listen(QUIET_S)
    await talk.ack(credit=closed)
    await talk.listen(QUIET_S)
    if talk.closed is not None:
        raise Broken(f"expected it to hold and stay; it closed the connection with {talk.closed.code}")
    if len(talk.frames) != before:
        raise Broken(f"expected no frame with credit 0; {len(talk.frames) - before} came")
    await talk.ack_all(WIDE)
    await talk.count(10, 5.0, "frames again once there is credit")
    return "nothing sent with credit 0, all that was made meanwhile afterwards"


async def one_alone(stand: Stand) -> str:
    """Grant one byte: with nothing in flight one frame may go all the same."""
    talk = await _narrow(stand, 64, 1)
    for _ in range(3):
        await talk.until(lambda: talk.in_flight() == 1, 5.0, "one frame, larger than the window, with nothing in flight")
        await talk.listen(0.3)
        await talk.ack((talk.hello.epoch, stand.book.epochs[talk.hello.epoch].received))
    await talk.ack_all(WIDE)
    return "one frame at a time in a window of 64 frames and 1 byte"


async def no_credit_yet(stand: Stand) -> str:
    """Welcome it with credit 0."""
    if stand.book.lives == 0:
        await stand.power_on()
    elif stand.talk is not None:
        stand.talk.cut()
    talk = await stand.connect(credit_of((0, 0), (0, 0), "starting"))
    await talk.listen(QUIET_S)
    if talk.frames:
        raise Broken(f"expected no frame with credit 0 in welcome; {len(talk.frames)} came")
    await talk.ack_all(WIDE)
    await talk.count(5, 5.0, "frames once there is credit")
    return "nothing sent until an ack gave credit"


SCENES = (
    Scenario("window", "6", "uses its credit up, then waits for acks", window),
    Scenario("smaller-window", "6", "keeps within a window that became smaller", smaller),
    Scenario("hold", "6", "sends nothing while credit is 0, stays, and goes on", hold),
    Scenario("no-credit-yet", "5, 6", "waits where welcome grants nothing", no_credit_yet),
    Scenario("one-alone", "6", "sends one frame, however large, with nothing in flight", one_alone),
)
