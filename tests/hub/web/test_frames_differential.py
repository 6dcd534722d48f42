"""FrameStream against trio-websocket alone: any bytes, cut anywhere, must give the same messages, the same answers and the same Close.

The session only listens, so that what is sent are pongs and the Close, in an order that time has no part in: it is compared byte by byte.
Exact are also the messages and the code the session hears, but for one end: when trio-websocket closes with 1009 (our Close) it throws away
what the session has not come to yet, and whatever it reads later changes the code; then the messages of one must begin those of the other.
`make differential` tries long.
"""

import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

import pytest
import trio
import trio.testing
from hypothesis import HealthCheck, Phase, event, given, note, settings
from hypothesis import strategies as st

from devices.link import LinkClosed, ServerLink
from hub.web import frames
from hub.web.cutting import Cutter
from hub.web.poller import Poller
from hub.web.settings import DoorSettings
from tests.support.rfc6455 import PING, TEXT, Ear, close, fragments, frame
from tests.support.rfc6455_echo import Script, serve_script
from tests.support.rfc6455_poller import hasty_poller, serve_polled, socket_streams
from tests.support.rfc6455_strategies import LIMIT, conversations, scripts

IMPATIENT_S: Final = 0.001
SETTINGS: Final = DoorSettings(max_message_bytes=LIMIT)
EXAMPLES: Final = int(os.environ.get("TRIBUTARY_TEST_DIFFERENTIAL_EXAMPLES") or 100)
QUICK: Final = settings(
    settings.get_profile("quick"),
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
FEW: Final = settings(QUICK, max_examples=EXAMPLES // 3)


class NoCutter(Cutter):
    """Cuts nothing: everything is trio-websocket's from the first byte on."""

    def __init__(self, max_message_bytes: int) -> None:
        super().__init__(max_message_bytes)
        self.stop()


@contextmanager
def cutter(kind: type[Cutter]) -> Iterator[None]:
    """Let streams made in this block use another cutter."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(frames, "Cutter", kind)
        yield


@dataclass
class Listener:
    """A session that listens; `hand_at`, `unhand_at`: after so many messages it takes them by plain calls, or does so no more."""

    hand_at: int | None = None
    unhand_at: int | None = None
    is_slow: bool = False
    is_impatient: bool = False  # it gives up each `receive` soon, and calls it again
    messages: list[bytes | str] = field(default_factory=list)
    code: int | None = None
    _link: ServerLink | None = None

    async def serve(self, link: ServerLink) -> None:
        self._link = link
        try:
            while True:
                if len(self.messages) == self.hand_at:
                    link.hand_to(self._take)
                if self.is_slow:
                    await trio.testing.wait_all_tasks_blocked()
                with trio.move_on_after(IMPATIENT_S if self.is_impatient else math.inf):
                    self.messages.append(await link.receive())
        except LinkClosed as closed:
            self.code = int(closed.code)

    def _take(self, message: bytes | str) -> None:
        assert self._link is not None
        self.messages.append(message)
        if len(self.messages) == self.unhand_at:
            self._link.hand_to(None)


@dataclass(frozen=True)
class Outcome:
    """What one run gave."""

    messages: list[bytes | str]
    sent: bytes
    code: int
    session_code: int | None


def outcome(ear: Ear, listener: Listener) -> Outcome:
    """Sum up a run."""
    return Outcome(listener.messages, bytes(ear.raw), ear.code, listener.code)


def run(script: Script, listener: Listener, kind: type[Cutter] = Cutter) -> Outcome:
    """Serve the script in memory."""

    async def main() -> Ear:
        return await serve_script(script, listener, leaves=True, settings=SETTINGS)

    with cutter(kind):
        return outcome(trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0)), listener)


def run_polled(script: Script, listener: Listener, kind: type[Cutter] = Cutter) -> Outcome:
    """Serve the script on sockets that a poller reads."""

    async def main() -> Ear:
        return await serve_polled(script, listener, SETTINGS)

    with cutter(kind), hasty_poller():
        return outcome(trio.run(main), listener)


def check_same(one: Outcome, other: Outcome) -> None:
    """Compare two runs of the same bytes."""
    assert one.sent == other.sent
    assert one.code == other.code
    if one.code == 1009:
        fewer = min(len(one.messages), len(other.messages))
        assert one.messages[:fewer] == other.messages[:fewer]
    else:
        assert one.messages == other.messages
        assert one.session_code == other.session_code


@st.composite
def listeners(draw: st.DrawFn, *, is_slow: st.SearchStrategy[bool] = st.booleans()) -> Listener:  # noqa: B008
    """A session that takes messages by plain calls for some of the time."""
    hand_at = draw(st.one_of(st.none(), st.just(0), st.just(0), st.integers(1, 5)))
    unhand_at = draw(st.one_of(st.none(), st.none(), st.integers(1, 6)))
    return Listener(hand_at, unhand_at, draw(is_slow), is_impatient=draw(st.booleans()))


@QUICK
@given(st.data())
def test_any_bytes_give_the_same_with_and_without_the_fast_intake(data: st.DataObject) -> None:
    said = data.draw(conversations())
    alone = run(data.draw(scripts(said)), Listener(is_slow=data.draw(st.booleans())), NoCutter)
    event(f"closed with {alone.code}")
    note(f"{alone}")
    check_same(run(data.draw(scripts(said)), data.draw(listeners())), alone)


@FEW
@given(st.data())
def test_any_bytes_give_the_same_on_a_socket_that_the_poller_reads(data: st.DataObject) -> None:
    said = data.draw(conversations())
    alone = run([said], Listener(), NoCutter)
    note(f"{alone}")
    check_same(run_polled(data.draw(scripts(said)), data.draw(listeners(is_slow=st.just(False)))), alone)


@FEW
@given(st.data())
def test_trio_websocket_alone_agrees_with_itself_however_the_bytes_are_cut(data: st.DataObject) -> None:
    said = data.draw(conversations())
    check_same(run(data.draw(scripts(said)), Listener(is_slow=True), NoCutter), run_polled(data.draw(scripts(said)), Listener(), NoCutter))


def test_what_stands_behind_a_ping_is_heard_though_nothing_more_comes() -> None:
    for _ in range(20):
        assert run_polled([frame(b"one") + frame(b"", PING) + frame(b"two")], Listener()).messages == [b"one", b"two"]


async def test_poller_at_rest_wakes_for_what_was_read_already() -> None:
    ours, theirs = socket_streams()
    poller, called = Poller(), trio.Event()
    async with ours, theirs, trio.open_nursery() as nursery:
        nursery.start_soon(poller.run)
        poller.watch(ours.socket.fileno(), called.set)
        await trio.testing.wait_all_tasks_blocked()
        poller.again(ours.socket.fileno())
        with trio.fail_after(30):
            await called.wait()
        nursery.cancel_scope.cancel()
    poller.close()


@dataclass
class Refusing(Listener):
    """A session whose plain call raises at a message, and that leaves when it hears so."""

    refused: int = 0

    async def serve(self, link: ServerLink) -> None:
        with pytest.raises(ZeroDivisionError):
            await super().serve(link)

    def _take(self, message: bytes | str) -> None:
        if len(self.messages) == self.refused:
            raise ZeroDivisionError("the session cannot take it")
        super()._take(message)


@pytest.mark.parametrize("serve", [run, run_polled])
@pytest.mark.parametrize("hand_at", [0, 1, 5])
@pytest.mark.parametrize("cuts", [1, 7, 1_000])
def test_what_a_plain_call_raises_comes_out_of_receive_and_nothing_more_is_handed_over(
    serve: Callable[[Script, Listener], Outcome], hand_at: int, cuts: int
) -> None:
    said = b"".join(frame(bytes([number])) for number in range(60))
    result = serve([said[at : at + cuts] for at in range(0, len(said), cuts)], Refusing(hand_at, refused=40))
    assert result.messages == [bytes([number]) for number in range(40)]


PLAIN: Final = b"".join([frame(b"one"), frame(b"ping", PING), frame("zwölf".encode(), TEXT), *fragments(b"in", b"parts"), close(4001)])


@pytest.mark.parametrize("serve", [run, run_polled])
def test_no_byte_may_be_lost_without_being_noticed(serve: Callable[[Script, Listener], Outcome]) -> None:
    whole = serve([PLAIN], Listener())
    assert whole.messages == [b"one", "zwölf", b"inparts"]
    assert whole.code == whole.session_code == 4001
    for lost in range(len(PLAIN)):
        with pytest.raises(AssertionError):
            check_same(serve([PLAIN[:lost] + PLAIN[lost + 1 :]], Listener()), whole)


class _Dropping(Cutter):
    """Loses the third message of a turn."""

    def cut(self, *more: bytes) -> list[bytes | str]:
        messages = super().cut(*more)
        return messages[:2] + messages[3:]


class _Swapping(Cutter):
    """Hands messages on in the wrong order."""

    def cut(self, *more: bytes) -> list[bytes | str]:
        return super().cut(*more)[::-1]


class _Lenient(Cutter):
    """Takes what is over the limit."""

    def __init__(self, max_message_bytes: int) -> None:
        super().__init__(max_message_bytes + 1)


@pytest.mark.parametrize("kind", [_Dropping, _Swapping, _Lenient])
def test_a_wrong_cutter_is_found_out(kind: type[Cutter]) -> None:
    @settings(QUICK, max_examples=1_000, database=None, derandomize=True, phases=[Phase.generate], report_multiple_bugs=False)
    @given(st.data())
    def tries(data: st.DataObject) -> None:
        said = data.draw(conversations())
        check_same(run([said], Listener(hand_at=0), kind), run([said], Listener(), NoCutter))

    with pytest.raises(AssertionError):
        tries()
