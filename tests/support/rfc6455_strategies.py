"""What a client may say on a WebSocket, as Hypothesis draws it: good frames, every kind of bad one, noise, and any cuts between.

Owns no expectation: a conversation is bytes in pieces. Used by the differential tests.
"""

import itertools
from collections.abc import Sequence
from typing import Final

from hypothesis import strategies as st

from tests.support.rfc6455 import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, close, frame
from tests.support.rfc6455_echo import Pause, Script

LIMIT: Final = 1_000  # what the conversations below respect, break by one byte, and pass by far; small, so that examples are cheap
MAX_ITEMS: Final = 12  # of at most LIMIT + 1 bytes: below what is taken for a flood, which time has a part in

keys: Final = st.one_of(st.binary(min_size=4, max_size=4), st.sampled_from([b"\x00" * 4, b"\xff" * 4]))
sizes: Final = st.one_of(st.sampled_from([0, 1, 2, 3, 4, 5, 124, 125, 126, 127, 128, 255, 256, 257, LIMIT - 1, LIMIT]), st.integers(0, 40))
texts: Final = st.text(max_size=30).filter(lambda text: len(text.encode("utf-8", "replace")) <= LIMIT)


def _payload(size: int) -> bytes:
    return bytes((size * 31 + n * 7) & 0xFF for n in range(size))


@st.composite
def plain(draw: st.DrawFn) -> bytes:
    """A message in one frame."""
    if draw(st.integers(0, 3)):
        return frame(_payload(draw(sizes)), BINARY, key=draw(keys))
    return frame(draw(texts).encode("utf-8", "surrogatepass"), TEXT, key=draw(keys))


@st.composite
def control(draw: st.DrawFn) -> bytes:
    """A ping or a pong."""
    return frame(_payload(draw(st.sampled_from([0, 1, 4, 60, 124, 125]))), draw(st.sampled_from([PING, PONG])), key=draw(keys))


@st.composite
def in_parts(draw: st.DrawFn) -> bytes:
    """A message in fragments, whole or not, with control frames between."""
    opcode = draw(st.sampled_from([BINARY, BINARY, TEXT]))
    payload = draw(texts).encode("utf-8", "surrogatepass") if opcode == TEXT else _payload(draw(sizes))
    cuts = sorted(draw(st.lists(st.integers(0, len(payload)), max_size=3)))
    bounds = [0, *cuts, len(payload)]
    said = b""
    is_whole = draw(st.integers(0, 4)) > 0
    for at, (begin, end) in enumerate(itertools.pairwise(bounds)):
        fin = is_whole and at == len(cuts)
        said += frame(payload[begin:end], CONTINUATION if at else opcode, fin=fin, key=draw(keys))
        if not fin and draw(st.booleans()):
            said += draw(control())
    return said


@st.composite
def closing(draw: st.DrawFn) -> bytes:
    """A Close, good or bad."""
    code = draw(st.one_of(st.sampled_from([None, 1000, 1001, 1005, 1006, 1012, 1015, 4000, 4999]), st.integers(0, 65_535)))
    reason = draw(st.one_of(texts.map(lambda text: text.encode("utf-8", "replace")[:123]), st.binary(max_size=20)))
    return draw(st.one_of(st.just(close(code, reason)), st.just(frame(reason[:1], CLOSE))))


@st.composite
def bad(draw: st.DrawFn) -> bytes:
    """A frame that breaks a rule, as a rule."""
    opcode = draw(st.sampled_from([CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG, 3, 7, 11, 15]))
    size = draw(st.one_of(sizes, st.sampled_from([LIMIT + 1, 126, 127])))
    form = draw(st.sampled_from([None, None, 16, 64]))
    length = draw(st.sampled_from([None, None, None, size + 1, max(size - 1, 0), 1 << 63 | size, 1 << 40]))
    rsv = draw(st.sampled_from([0, 0, 0, 1, 2, 4, 7]))
    key = draw(st.one_of(st.none(), keys, keys))
    if length is not None and length != size:
        form = 64 if length > 65_535 else 16 if length > 125 else form
    if form == 16 and max(size, length or 0) > 65_535:
        form = 64
    return frame(_payload(size), opcode, fin=draw(st.integers(0, 3)) > 0, rsv=rsv, key=key, length=length, form=form)


@st.composite
def bursts(draw: st.DrawFn) -> bytes:
    """More small messages than are taken in one turn, or wait in one place."""
    key, count = draw(keys), draw(st.sampled_from([31, 32, 33, 64, 65, 100]))
    return b"".join(frame(bytes([number]) * (number % 5 + 1), BINARY, key=key) for number in range(count))


bad_text: Final = st.builds(frame, st.binary(min_size=1, max_size=12), st.just(TEXT))
over: Final = st.builds(frame, st.sampled_from([_payload(LIMIT + 1), _payload(LIMIT + 2)]), st.sampled_from([BINARY, TEXT]))
noise: Final = st.binary(max_size=40)
item: Final = st.one_of(plain(), plain(), plain(), plain(), control(), in_parts(), closing(), bad(), bad_text, over, noise)
good: Final = st.one_of(plain(), plain(), plain(), plain(), control(), bursts())


@st.composite
def conversations(draw: st.DrawFn) -> bytes:
    """What one client says: mostly good for a while, then anything; at times with a byte changed, lost or added."""
    said = b"".join(draw(st.lists(good, max_size=MAX_ITEMS // 2))) + b"".join(draw(st.lists(item, max_size=MAX_ITEMS // 2)))
    if said and draw(st.integers(0, 3)) == 0:
        at = draw(st.integers(0, len(said) - 1))
        said = said[:at] + draw(st.binary(max_size=2)) + said[at + draw(st.integers(0, 2)) :]
    return said


@st.composite
def scripts(draw: st.DrawFn, said: bytes) -> Script:
    """The bytes in pieces, with pauses between some of them; the first piece may come with the handshake."""
    match draw(st.integers(0, 4)):
        case 0:
            cuts: Sequence[int] = []
        case 1:
            cuts = range(1, min(len(said), 300))
        case _:
            cuts = sorted(draw(st.sets(st.integers(1, max(len(said) - 1, 1)), max_size=12)))
    bounds = [0, *(cut for cut in cuts if cut < len(said)), len(said)]
    pieces = [said[begin:end] for begin, end in itertools.pairwise(bounds)]
    pauses = draw(st.sets(st.integers(0, len(pieces)), max_size=4))
    return [step for at, piece in enumerate(pieces) for step in ((Pause(), piece) if at in pauses else (piece,))]
