"""A link looked at: which frame went out under which number, acked when, whatever way it took."""

from devices.link import memory_link_pair
from devices.wire.codec import encode
from devices.wire.messages import Ack, Credit, Data, Log, Welcome, Window
from simulators.fleet.tracking import TrackedLink, Tracking

CREDIT = Credit(Window(10, 10_000), Window(10, 10_000))


class Book:
    """Who is told."""

    def __init__(self) -> None:
        self.out: list[tuple[int, int, int]] = []
        self.acks: list[int] = []

    def went_out(self, time_us: int, epoch: int, seq: int) -> None:
        """Write it down."""
        self.out.append((time_us, epoch, seq))

    def acked(self, time_us: int) -> None:
        """Write it down."""
        self.acks.append(time_us)


def frame(seq: int, time_us: int, epoch: int = 5) -> bytes:
    return encode(Data(epoch, seq, time_us, [0], [0], [1.0]))


async def test_acks_tell_of_the_frames_below_them_by_their_times() -> None:
    book, welcomes = Book(), list[str]()
    ours, theirs = memory_link_pair()
    link = TrackedLink(ours, Tracking(book), lambda: welcomes.append("welcome"))
    for seq, time_us in ((1, 100), (3, 300)):
        await link.send(frame(seq, time_us))
    await link.send(encode(Log(5, 2, "info", 1, "no readings")))
    await theirs.send(encode(Welcome(1, ((5, 1),), CREDIT, 20.0, "hub", {})))
    await theirs.send(encode(Ack(((5, 2),), CREDIT)))
    await theirs.send(encode(Ack(((5, 9),), CREDIT)))
    for _ in range(3):
        await link.receive()
    assert book.out == [(100, 5, 1), (300, 5, 3)]
    assert book.acks == [100, 300]
    assert welcomes == ["welcome"]
    assert await theirs.receive() == frame(1, 100)


async def test_a_frame_that_is_sent_again_is_counted_once() -> None:
    book = Book()
    tracking = Tracking(book)
    for message in (frame(1, 100), frame(2, 200), frame(1, 100), frame(1, 700, epoch=6)):
        tracking.sent(message)
    tracking.acked(((5, 2), (6, 1), (7, 1)))
    assert book.out == [(100, 5, 1), (200, 5, 2), (700, 6, 1)]
    assert book.acks == [100, 200, 700]
