"""Scenes of what a hub refuses: readings, frames, frames that it cannot read, numbers that do not follow.

Owns these scenarios; scenes/__init__.py lists them in the order of the course.
"""

from functools import partial

from devices.wire.limits import CloseCode
from devices.wire.messages import Gap
from simulators.conformance.scenario import Scenario
from simulators.conformance.scenes.keeping import RESEND_S, resent, unacked
from simulators.conformance.stand import Stand
from simulators.conformance.talk import Talk
from simulators.conformance.verdict import Broken


async def readings(stand: Stand) -> str:
    """Reject readings of a frame, ack it, and look whether they come again."""
    return await _rejected(stand, {"readings": [[0, "future"]], "code": "future", "reason": "1 reading: more than 24 h ahead"}, "reading")


async def whole_frame(stand: Stand) -> str:
    """Reject a whole frame, ack it, and look whether it comes again."""
    return await _rejected(stand, {"code": "bad_frame", "reason": "the script does not like it"}, "frame")


async def _rejected(stand: Stand, fields: dict[str, object], what: str) -> str:
    talk = await unacked(stand, 4)
    epoch = talk.hello.epoch
    known = stand.book.epochs[epoch]
    seq = known.mark + 2
    await talk.say({"op": "reject", "e": epoch, "s": seq, **fields})
    await talk.ack((epoch, seq))
    await talk.listen(0.5)
    if talk.closed is not None:
        raise Broken(f"expected it to go on after a rejected {what}; it closed the connection with {talk.closed.code}")
    talk.cut()
    talk = await stand.connect()
    await resent(stand, talk, f"what came after the rejected {what}")
    await talk.count(5, 5.0)
    return f"a rejected {what} of frame {seq}: gone on, not sent again"


async def bad_frame(stand: Stand) -> str:
    """Claim twice that a frame cannot be read."""
    talk = await unacked(stand, 5)
    epoch = talk.hello.epoch
    known = stand.book.epochs[epoch]
    seq = known.mark + 2
    stand.book.unreadable.add((epoch, seq))
    for _ in range(2):
        await talk.ack((epoch, seq - 1))
        await talk.until(partial(_has, talk, epoch, seq), RESEND_S, f"frame {seq} of epoch {epoch}")
        stand.book.forget(epoch, seq)
        await talk.bye(CloseCode.BAD_FRAME, f"frame {seq} cannot be read", expected=_expected(talk, epoch, seq), retry_s=0.1)
        talk = await stand.greet()
        talk.is_acking = False
        await talk.welcome()
    await talk.until(lambda: any(f.epoch == epoch and f.seq <= seq for f in talk.frames), RESEND_S, f"a gap in place of frame {seq}")
    first = next(frame for frame in talk.frames if frame.epoch == epoch)
    if not isinstance(first, Gap) or first.reason != "bad_frame":
        raise Broken(f"expected a gap with reason bad_frame as frame {seq} of epoch {epoch}; {type(first).__name__.lower()} came")
    await resent(stand, talk, "what came after the gap")
    return f"frame {seq} closed twice: a gap of {first.readings} readings in its place"


def _has(talk: Talk, epoch: int, seq: int) -> bool:
    return any(frame.epoch == epoch and frame.seq == seq for frame in talk.frames)


def _expected(talk: Talk, epoch: int, seq: int) -> list[list[int]]:
    """Return received + 1 of each epoch, as it was when this frame came."""
    following = dict(talk.began)
    for frame in talk.frames:
        if (frame.epoch, frame.seq) == (epoch, seq):
            break
        following[frame.epoch] = frame.seq + 1
    return [[*pair] for pair in (following | {epoch: seq}).items()]


async def seq_jump(stand: Stand) -> str:
    """Claim that a frame is missing."""
    talk = await unacked(stand, 6)
    epoch = talk.hello.epoch
    mark = stand.book.epochs[epoch].mark
    await talk.bye(CloseCode.SEQ_JUMP, "a frame is missing", expected=[[epoch, mark + 1]], retry_s=0.1)
    talk = await stand.connect()
    count = await resent(stand, talk, f"frames {mark + 1} and on of epoch {epoch}")
    return f"sent again from the frame that was expected: {count} frames"


SCENES = (
    Scenario("reject-reading", "6", "does not send a rejected reading again", readings),
    Scenario("reject-frame", "6", "does not send a rejected frame again", whole_frame),
    Scenario("bad-frame", "6", "declares a frame lost that the hub cannot read twice", bad_frame),
    Scenario("seq-jump", "9", "sends again from the frame that the hub expects", seq_jump),
)
