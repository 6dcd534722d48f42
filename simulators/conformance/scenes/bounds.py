"""Scenes of bounds: a spool that is full declares what it dropped, and a hub that asks for smaller frames is sent none that are larger.

Owns these scenarios; scenes/__init__.py lists them in the order of the course. The client is told its small spool by a variable of its
environment, and makes many readings at once by a command `burst`; one that takes neither is not applicable.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from devices.wire.limits import MAX_ARRAY, MAX_MESSAGE_BYTES, MIN_FRAME_BYTES
from devices.wire.messages import Data, Pack
from simulators.conformance.book import counted
from simulators.conformance.scenario import Scenario
from simulators.conformance.scenes.commands import ended, expect, send
from simulators.conformance.scenes.keeping import resent
from simulators.conformance.stand import Stand
from simulators.conformance.talk import Talk
from simulators.conformance.verdict import Broken, NotApplicable
from simulators.conformance.windows import credit_of

SPOOL: Final = "TRIBUTARY_SPOOL_BYTES"
SPOOL_BYTES: Final = 4_096
MADE: Final = 400  # frames, of 40 bytes at least: four times what the spool is told to hold
HOLD_S: Final = 25.0  # at 20 readings a second; a loaded machine makes fewer
HOLDS: Final = 4
BURST: Final = 300
BURST_S: Final = 20.0
PONG_S: Final = 5.0
SMALLER: Final[Sequence[Mapping[str, int]]] = (
    {"frame_bytes": MAX_MESSAGE_BYTES, "readings": 8},
    {"frame_bytes": MIN_FRAME_BYTES, "readings": MAX_ARRAY},
)


async def full_spool(stand: Stand) -> str:
    """Grant no credit until its spool is full, then let it send."""
    if stand.child is None:
        raise NotApplicable(f"a client that is started by hand keeps the spool it has; --run gives it {SPOOL}={SPOOL_BYTES}")
    stand.child.tell({SPOOL: str(SPOOL_BYTES)})
    await stand.power_on()
    made = 0
    for _ in range(HOLDS):
        await (await stand.connect(credit_of((0, 0), (0, 0), "store_full"))).listen(HOLD_S)
        talk = await stand.greet()
        made = sum(entry.last for entry in talk.hello.unfinished)
        if made >= MADE:
            break
    else:
        raise Broken(f"expected {MADE} frames to be made in {HOLDS * HOLD_S:g} s without credit; hello lists {made}")
    await talk.welcome()
    await resent(stand, talk, f"all of the {made} frames that were made without credit, or the gaps in their place")
    return _declared(stand, made)


def _declared(stand: Stand, made: int) -> str:
    book = stand.book
    missing = book.missing()
    if not book.gaps and not missing:
        raise NotApplicable(f"all of the {made} frames that it made without credit came: it does not go by {SPOOL}={SPOOL_BYTES}")
    if len(missing) > book.declared:
        raise Broken(f"expected gaps for the {len(missing)} values that its full spool dropped; {book.declared} readings are declared")
    for gap in book.gaps:
        if gap.reason != "spool_full":
            raise Broken(f"expected the reason spool_full of the gap from seq {gap.seq} to {gap.last}; it is {gap.reason!r}")
        if gap.from_us is not None and gap.to_us is not None and gap.from_us > gap.to_us:
            raise Broken(f"expected a gap from an earlier time to a later one; it is from {gap.from_us} to {gap.to_us}")
    return f"{made} frames in a spool of {SPOOL_BYTES:,} bytes: {book.declared} readings declared in {len(book.gaps)} gaps, the rest came"


async def smaller_frames(stand: Stand) -> str:
    """Have it make many readings at once, for a hub that takes frames of any size, then for one that asks for smaller ones."""
    talk = await stand.ready()
    if "burst" not in {spec.name for spec in talk.hello.commands}:
        raise NotApplicable("hello names no command burst, by which it would make many readings at once")
    came = [_most(await _burst(stand, talk, "burst-0"))]
    for number, told in enumerate(SMALLER, 1):
        talk.cut()
        talk = await stand.connect(limits={**told, "future_s": 86_400})
        await talk.socket.ping(b"welcome")
        await talk.until(lambda: b"welcome" in talk.pongs, PONG_S, "a pong")  # noqa: B023  # awaited at once
        made = await _burst(stand, talk, f"burst-{number}")
        wrong = [each for each in made if each.size_bytes > told["frame_bytes"] or (each.is_data and each.readings > told["readings"])]
        if wrong:
            limits = f"{told['readings']:,} readings and {told['frame_bytes']:,} bytes"
            raise Broken(f"expected frames of at most {limits}, as welcome says; one of {_most(wrong)} came")
        came.append(_most(made))
    return f"{BURST} readings in frames of at most {'; then, as welcome asked, '.join(came)}"


class _Made(NamedTuple):
    """A frame of readings."""

    readings: int
    size_bytes: int
    is_data: bool


async def _burst(stand: Stand, talk: Talk, id_: str) -> list[_Made]:
    """Have it make BURST readings; return what came from then on."""
    began, newest = len(talk.frames), max(stand.book.values, default=0)
    await send(talk, id_, "burst", {"n": BURST})
    expect(await ended(stand, talk, id_, within_s=BURST_S), "done")
    await talk.until(lambda: max(stand.book.values, default=0) >= newest + BURST, BURST_S, f"{BURST} readings of a burst")
    return [
        _Made(len(counted(frame, stand.book.epochs[frame.epoch].channels)), size, isinstance(frame, Data))
        for frame, size in zip(talk.frames[began:], talk.sizes[began:], strict=True)
        if isinstance(frame, Data | Pack)
    ]


def _most(made: Iterable[_Made]) -> str:
    readings, size, _ = (max(each) for each in zip(*made, strict=True))
    return f"{readings} readings and {size:,} bytes"


SCENES = (
    Scenario("full-spool", "3, 6", "declares what its full spool dropped, with the reason spool_full", full_spool),
    Scenario("smaller-frames", "5", "makes no larger frames than the limits of the newest welcome", smaller_frames),
)
