"""The short way through the intake gives what the long way gives, for whatever a device says."""

from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.link import memory_link_pair
from devices.wire.codec import decode_from_device
from devices.wire.limits import CloseCode
from devices.wire.messages import Channel, Credit, Hello, Kind, Unfinished, Window
from devices.wire.session import DeviceSession, ProtocolError
from hub.core.ingest import ChannelRules
from hub.core.presence import LivedTime
from hub.core.records import Row
from hub.journal import Entry
from hub.sessions.intake import Intake
from hub.sessions.outbox import AckClock, Outbox

E, NOW_US = 77, 1_700_000_000_000_000
CHANNELS = (Channel("temp", "Cel"), Channel("pulses", "", Kind.COUNTER), Channel("mode", "", Kind.TEXT))
CREDIT = Credit(Window(3, 1_000), Window(3, 1_000))


class Taken:
    """Stands where the hub's parts are: keeps what is submitted and counted."""

    holding = None

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.journal = self.metrics = self.registry = self
        self.lived = LivedTime()
        self.rejections: list[str] = []

    def now(self) -> int:
        return NOW_US

    def credit(self) -> Credit:
        return CREDIT

    def round_trip_s(self, link: object) -> None:
        """Know of no ping."""

    def submit(self, entry: Entry) -> None:
        self.rows.append(entry.row)

    def late(self) -> None:
        """Count nothing: the epoch of no hello is live."""

    def rejected(self, code: str) -> None:
        self.rejections.append(code)


def intake() -> tuple[Intake, Taken]:
    """Return an intake of a device that is streaming, and what it gives away."""
    taken, session = Taken(), DeviceSession("pump")
    hello = Hello("pump", E, CHANNELS, (Unfinished(E + 1, 1, 9),))
    session.receive(hello)
    session.open(hello, {})
    session.grant(CREDIT)
    link = memory_link_pair()[1]
    made = Intake("pump", link, session, Outbox(AckClock(), link, taken.credit), taken)  # type: ignore[arg-type]
    made._rules[E] = ChannelRules(CHANNELS)
    return made, taken


odd: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, 1.0, "1", -1, 2**63, 2**64 - 1, -(2**63), float("nan"), float("inf"), 10**18, [], {}, b"x"]
)
values = st.one_of(st.floats(), st.integers(-(2**63), 2**64 - 1), st.booleans(), st.text(max_size=3))


def mostly(usual: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(usual, usual, usual, odd)


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    size = draw(st.integers(0, 4))

    def column(each: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        return mostly(st.lists(mostly(each), min_size=size, max_size=size + draw(st.sampled_from([0, 0, 0, 1]))))

    said = {
        "e": draw(mostly(st.just(E))),
        "s": draw(mostly(st.integers(1, 3))),
        "op": draw(mostly(st.sampled_from(["data", "data", "log", "pack"]))),
        "t": draw(mostly(st.just(NOW_US))),
        "c": draw(column(st.integers(0, 3))),
        "d": draw(column(st.integers(-1_000, 1_000))),
        "v": draw(column(values)),
    }
    for key in draw(st.sets(st.sampled_from(["t", "c", "extra", "v"]), max_size=1)):
        if key in said:
            del said[key]
        else:
            said[key] = 1
    return bytes(msgpack.packb(said))


@given(st.lists(messages(), min_size=1, max_size=3))
async def test_a_frame_that_goes_the_short_way_leaves_what_the_long_way_leaves(sent: list[bytes]) -> None:
    short, taken = intake()
    long, expected = intake()
    for body in sent:
        if short.take_plain(body):
            long.take(decode_from_device(body), body)  # type: ignore[arg-type]
            assert taken.rows == expected.rows
            assert expected.rejections == []


OTHERS = (Channel("mode", "", Kind.TEXT), Channel("temp", "Cel"))


@st.composite
def variants(draw: st.DrawFn, body: bytes) -> tuple[int, bytes]:
    """Return an epoch, and a frame of the same length that is in it and has some other bits."""
    epoch, changed = draw(st.sampled_from([E, E + 1])), bytearray(body)
    for at, bits in draw(st.lists(st.tuples(st.integers(0, len(body) - 1), st.integers(1, 255)), max_size=2)):
        changed[at] ^= bits
    return epoch, bytes(changed).replace(b"\xa1e" + bytes([E]), b"\xa1e" + bytes([epoch]), 1)


@st.composite
def plain(draw: st.DrawFn) -> bytes:
    """Return a frame of good numbers."""
    numbers = draw(st.lists(st.one_of(st.floats(-1e300, 1e300), st.integers(-(2**63), 2**63 - 1), st.just(-1)), min_size=1, max_size=2))
    channels = draw(st.permutations(range(2)))[: len(numbers)]
    said = {"e": E, "s": 1, "op": "data", "t": NOW_US, "c": channels, "d": [draw(st.integers(-300, 300)) for _ in numbers], "v": numbers}
    return bytes(msgpack.packb(said))


@given(plain(), st.data())
async def test_so_does_a_frame_that_is_known_by_those_before_it(body: bytes, data: st.DataObject) -> None:
    rules = ChannelRules(CHANNELS)
    (short, taken), (long, expected) = pairs = intake(), intake()
    for each, _ in pairs:
        each._live_rules = each._rules[E] = rules
        each._rules[E + 1] = ChannelRules(OTHERS)  # that epoch was numbered otherwise
    seqs = {E: 0, E + 1: 0}
    for turn in range(20):
        epoch, said = (E, body) if turn < 16 else data.draw(variants(body))
        if turn < 16:
            short._decoded_plain(said, NOW_US)  # it may be learnt
        else:
            said = said.replace(b"\xa1s" + body[body.find(b"\xa1s") + 2 :][:1], b"\xa1s" + bytes([seqs[epoch] + 1]), 1)
            if short.take_plain(said):
                seqs[epoch] += 1
                long.take(decode_from_device(said), said)  # type: ignore[arg-type]
                assert taken.rows == expected.rows
                assert expected.rejections == []


@given(st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=5), st.integers(0, 2**40))
async def test_good_numbers_go_the_short_way(numbers: list[float], offset_us: int) -> None:
    short, taken = intake()
    said = {"e": E, "s": 1, "op": "data", "t": NOW_US - 2**40, "c": [0] * len(numbers), "d": [offset_us] * len(numbers), "v": numbers}
    assert short.take_plain(bytes(msgpack.packb(said)))
    assert [row.body for row in taken.rows] == [msgpack.packb(said)]


def test_what_is_no_frame_is_not_taken() -> None:
    short, taken = intake()
    for body in (b"", b"\xc1", b"\x80", b"\x93\x01\x02\x03", msgpack.packb({"op": "hello"})):
        assert not short.take_plain(body)
    assert taken.rows == []


class Crowded(Taken):
    """The same, of a device that has as many epochs as it may."""

    def marks(self, device: str) -> dict[int, int]:
        return {E + 2: 1}

    def has_room_for(self, device: str, lists: list[tuple[Channel, ...]]) -> bool:
        assert (device, lists) == ("pump", [CHANNELS, CHANNELS])
        return False


async def test_a_hello_with_epochs_that_find_no_room_ends_the_connection() -> None:
    parts, link = Crowded(), memory_link_pair()[1]
    taken = Intake("pump", link, DeviceSession("pump"), Outbox(AckClock(), link, parts.credit), parts)  # type: ignore[arg-type]
    taken._session.receive(hello := Hello("pump", E, CHANNELS, (Unfinished(E + 1, 1, 9, CHANNELS),)))
    with pytest.raises(ProtocolError) as refused:
        await taken.open(hello)
    assert refused.value.code == CloseCode.NO_ROOM
