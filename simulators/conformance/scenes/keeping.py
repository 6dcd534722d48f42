"""Scenes of frames that are kept until they are acked: cuts, reboots, marks, acks that come twice, the two lanes.

Owns these scenarios; scenes/__init__.py lists them in the order of the course.
"""

import trio

from devices.wire.limits import MAX_UNFINISHED
from simulators.conformance.book import named
from simulators.conformance.scenario import Scenario
from simulators.conformance.stand import Stand
from simulators.conformance.talk import Talk
from simulators.conformance.verdict import Broken, NotApplicable
from simulators.conformance.windows import WIDE, credit_of

RESEND_S = 10.0
OTHER_CHANNELS = "TRIBUTARY_CHANNELS"  # set to "other": the client is another version of its program
MANY = 18  # power cuts; from 16 epochs on a client SHOULD go on with the newest


async def unacked(stand: Stand, frames: int) -> Talk:
    """Return a fresh connection on which so many frames of the live epoch came and are not acked; its first ones may be."""
    talk = await stand.ready()
    await talk.count(1, 5.0)
    talk.is_acking = False
    await talk.until(lambda: talk.in_flight() >= frames, 10.0, f"{frames} frames without an ack, within a credit of 256")
    return talk


async def resent(stand: Stand, talk: Talk, what: str) -> int:
    """Wait until every frame that was not acked at hello has come again; return how many."""
    await talk.ack_all()
    old = {entry.epoch: entry for entry in talk.hello.unfinished}
    behind = {epoch: stand.book.epochs[epoch].mark for epoch in old}
    await talk.until(lambda: all(stand.book.epochs[epoch].mark >= entry.last for epoch, entry in old.items()), RESEND_S, what)
    return sum(entry.last - behind[epoch] for epoch, entry in old.items())


async def late_acks(stand: Stand) -> str:
    """Ack nothing for a while, then all."""
    talk = await unacked(stand, 5)
    before = len(talk.frames)
    await talk.listen(0.5)
    await talk.ack_all()
    await talk.count(5, 5.0, "more frames after a late ack")
    return f"{before} frames waited for an ack, none came twice"


async def _partly_acked(stand: Stand) -> tuple[Talk, int, int]:
    """Return a talk with five frames in flight, its epoch and up to where frames were acked."""
    talk = await unacked(stand, 8)
    epoch = talk.hello.epoch
    mark = stand.book.epochs[epoch].received - 5
    await talk.ack((epoch, mark))
    return talk, epoch, mark


async def cut(stand: Stand) -> str:
    """Cut the connection with frames in flight, of which the hub has some."""
    talk, epoch, mark = await _partly_acked(stand)
    talk.cut()
    talk = await stand.connect()
    count = await resent(stand, talk, f"frames {mark + 1} to {stand.book.epochs[epoch].last} of epoch {epoch} again")
    return f"cut with frames {mark + 1} and on unacked: listed in hello, {count} sent again"


async def reboot(stand: Stand) -> str:
    """Cut the power with frames in flight."""
    talk, epoch, mark = await _partly_acked(stand)
    await stand.reboot()
    talk = await stand.connect()
    count = await resent(stand, talk, f"frames {mark + 1} and on of epoch {epoch} again after the reboot")
    await talk.count(3, 10.0, "new frames after the reboot")
    return f"power cut with frames {mark + 1} and on unacked: a new epoch, {count} frames sent again"


async def other_channels(stand: Stand) -> str:
    """Start it as another version, with another list of channels, while frames by its first list are not acked; then as the first again."""
    if stand.child is None:
        raise NotApplicable(f"a client that a person starts cannot be given {OTHER_CHANNELS}")
    talk = await unacked(stand, 6)
    first, declared = talk.hello.channels, stand.book.declared
    stand.child.tell({OTHER_CHANNELS: "other"})
    await stand.reboot()
    talk = await stand.greet()
    if talk.hello.channels == first:
        raise NotApplicable(f"its channels are the same where {OTHER_CHANNELS} is set")
    other = talk.hello.channels
    talk.is_acking = False
    await talk.welcome(credit_of((256, 1 << 20), (0, 0), "overload"))
    await talk.until(lambda: talk.in_flight() >= 3, RESEND_S, "3 frames by the other list, without an ack")
    for version in ("", "other"):
        stand.child.tell({OTHER_CHANNELS: version})
        await stand.reboot()
        talk = await stand.connect(credit_of((256, 1 << 20), (0, 0), "overload"))
    lists = {entry.channels if entry.channels is not None else other for entry in talk.hello.unfinished}
    await talk.ack_all(WIDE)
    count = await resent(stand, talk, "the frames by both lists")
    if stand.book.declared > declared:
        raise Broken(f"expected nothing to be given up with a list of channels; gaps declare {stand.book.declared - declared} readings")
    return f"{count} frames by {len(lists)} lists of channels, each by its own: {named(first)}; {named(other)}"


async def marks(stand: Stand) -> str:
    """Lose every ack: only the marks of welcome say what the hub has."""
    talk = await unacked(stand, 8)
    epoch = talk.hello.epoch
    known = stand.book.epochs[epoch]
    talk.cut()
    known.mark = known.received - 3  # the hub has these on its disk, and could not say so
    talk = await stand.connect(credit_of((0, 0), (0, 0), "starting"))
    await talk.listen(0.3)
    talk.cut()
    talk = await stand.connect()
    entry = next((each for each in talk.hello.unfinished if each.epoch == epoch), None)
    if entry is not None and entry.first <= known.mark:
        raise Broken(
            f"expected seq {known.mark} of epoch {epoch} to be dropped: welcome had this mark; hello lists {entry.first} as unacked"
        )
    await resent(stand, talk, f"frames {known.mark + 1} and on of epoch {epoch}")
    return f"frames up to {known.mark} dropped by the marks of welcome, the rest sent"


async def lower_marks(stand: Stand) -> str:
    """Lose what was received and not durable, twice: the marks stay where they were."""
    talk = await unacked(stand, 8)
    epoch, mark = talk.hello.epoch, stand.book.epochs[talk.hello.epoch].mark
    talk.cut()
    talk = await stand.connect()
    talk.is_acking = False
    last = max(entry.last for entry in talk.hello.unfinished)
    await talk.until(lambda: any(f.epoch == epoch and f.seq >= mark + 5 for f in talk.frames), RESEND_S, f"frames from {mark + 1} on again")
    talk.cut()
    talk = await stand.connect()
    await resent(stand, talk, f"frames {mark + 1} to {last} of epoch {epoch} for the third time")
    return f"frames from {mark + 1} on sent three times, until they were acked"


async def acks_twice(stand: Stand) -> str:
    """Ack twice, backwards, and what was never made."""
    talk = await unacked(stand, 6)
    epoch = talk.hello.epoch
    received = stand.book.epochs[epoch].received
    for seq in (received - 2, received - 2, received - 4, received - 2):
        await talk.ack((epoch, seq))
    await talk.ack((1, 10), (epoch, received))
    await talk.ack()
    await talk.ack_all()
    await talk.count(5, 5.0, "more frames after acks that came twice, backwards and for an epoch of nobody")
    return "acks twice, backwards and of an unknown epoch: no harm"


async def lanes(stand: Stand) -> str:
    """Let a backlog wait behind a narrow window of its own; new readings have another."""
    await unacked(stand, 12)
    await stand.reboot()
    talk = await stand.greet()
    waiting = [entry.epoch for entry in talk.hello.unfinished if entry.epoch != talk.hello.epoch]
    if not waiting:
        raise NotApplicable("hello lists no unfinished epoch beside the live one")
    talk.is_acking = False
    await talk.welcome(credit_of((256, 1 << 20), (2, 1 << 18)))
    live = talk.hello.epoch
    await talk.until(
        lambda: sum(frame.epoch == live for frame in talk.frames) >= 5, 10.0, "new readings while old ones wait for credit in their lane"
    )
    if not any(frame.epoch in waiting for frame in talk.frames):
        raise Broken("expected old frames with what credit there is for them (2 frames); none came")
    await talk.ack_all(WIDE)
    await resent(stand, talk, "the backlog, once there is credit for it")
    return "new readings passed the backlog, the backlog came with the credit for it"


async def no_hub(stand: Stand) -> str:
    """Be away for a while: readings are made meanwhile, and none is lost."""
    talk = await stand.ready()
    await talk.count(5, 5.0)
    newest = max(stand.book.values, default=0)
    talk.cut()
    with trio.move_on_after(1.5):
        while True:  # as if nobody listened
            (await stand.socket()).cut()
    talk = await stand.connect()
    await talk.until(lambda: max(stand.book.values, default=0) >= newest + 20, 15.0, "the readings that were made meanwhile")
    return f"{len(stand.book.values) - newest} values since the hub went away"


async def many_epochs(stand: Stand) -> str:
    """Cut the power again and again with nothing acked: each life leaves an epoch behind."""
    if stand.child is None:
        raise NotApplicable(f"{MANY} power cuts are too many by hand")
    for _ in range(MANY):
        await stand.reboot()
        talk = await stand.greet()
        if len(talk.hello.unfinished) > MAX_UNFINISHED:
            raise Broken(f"expected at most {MAX_UNFINISHED} unfinished epochs; hello lists {len(talk.hello.unfinished)}")
        talk.is_acking = False
        await talk.welcome(credit_of((256, 1 << 20), (0, 0), "overload"))
        live = talk.hello.epoch
        await talk.until(lambda: talk.in_flight() >= 2, RESEND_S, f"2 frames of epoch {live}, without an ack")  # noqa: B023  # awaited at once
    listed = len(talk.hello.unfinished)
    talk.cut()
    talk = await stand.connect()
    then = "the newest went on" if talk.hello.epoch == live else "another was opened"
    await resent(stand, talk, f"the frames of all {listed} epochs")
    given_up = f", {stand.book.declared} readings given up by gaps" if stand.book.declared else ""
    return f"{listed} epochs listed after {MANY} power cuts, all sent{given_up}; then {then}"


SCENES = (
    Scenario("late-acks", "6", "keeps frames while acks are late", late_acks),
    Scenario("cut", "3, 5", "lists what was in flight when the link was cut, and sends it again from mark + 1", cut),
    Scenario("reboot", "3", "draws a new epoch after a power cut and sends the old one's frames beside it", reboot),
    Scenario("other-channels", "4", "lists what an earlier version made with the channels of that version", other_channels),
    Scenario("marks", "5", "drops what the marks of welcome cover", marks),
    Scenario("lower-marks", "5", "sends again what was received and is not durable, as often as it takes", lower_marks),
    Scenario("acks-twice", "6", "bears acks twice, out of order and of an epoch of nobody", acks_twice),
    Scenario("lanes", "3, 6", "sends new readings before the backlog", lanes),
    Scenario("many-epochs", "3", "lists the epoch of every life that is not acked yet", many_epochs),
    Scenario("hub-away", "3, 9", "measures on while there is no hub", no_hub),
)
