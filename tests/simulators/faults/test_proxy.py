"""The fault proxy passes everything on, until it is told to break it, and then breaks it in exactly that way."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio

from simulators.faults import FaultProxy, fault_proxy

DEADLINE_S = 30.0


class Echo:
    """A server that says everything back and knows its connections."""

    def __init__(self) -> None:
        self.streams: list[trio.SocketStream] = []

    async def serve(self, stream: trio.SocketStream) -> None:
        self.streams.append(stream)
        try:
            async for chunk in stream:
                await stream.send_all(chunk)
            await stream.send_eof()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass


@asynccontextmanager
async def proxied_echo() -> AsyncIterator[FaultProxy]:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, Echo().serve, [listener])
        async with fault_proxy("127.0.0.1", listener.socket.getsockname()[1]) as proxy:
            with trio.fail_after(DEADLINE_S):
                yield proxy
        nursery.cancel_scope.cancel()


async def connect(proxy: FaultProxy) -> trio.SocketStream:
    return await trio.open_tcp_stream(proxy.host, proxy.port)


async def exactly(stream: trio.SocketStream, count_bytes: int) -> bytes:
    got = b""
    while len(got) < count_bytes:
        chunk = await stream.receive_some(count_bytes - len(got))
        if not chunk:
            break
        got += chunk
    return got


async def is_echoed(stream: trio.SocketStream, message: bytes = b"hello") -> bool:
    await stream.send_all(message)
    return await exactly(stream, len(message)) == message


async def is_served(proxy: FaultProxy) -> bool:
    try:
        async with await connect(proxy) as stream:
            return await is_echoed(stream)
    except (OSError, trio.BrokenResourceError):
        return False


async def test_without_faults_every_byte_and_the_end_pass() -> None:
    async with proxied_echo() as proxy, await connect(proxy) as stream:
        message = bytes(range(256)) * 2_000
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stream.send_all, message)
            assert await exactly(stream, len(message)) == message
        assert proxy.passed_bytes == 2 * len(message)
        await stream.send_eof()
        assert await stream.receive_some(1) == b""
        assert proxy.url == f"http://127.0.0.1:{proxy.port}"


async def test_a_reset_is_an_error_and_new_connections_are_served() -> None:
    async with proxied_echo() as proxy, await connect(proxy) as first, await connect(proxy) as second:
        assert await is_echoed(first)
        assert await is_echoed(second)
        assert proxy.cut("rst") == 2
        with pytest.raises(trio.BrokenResourceError):
            await first.receive_some(1)
        async with await connect(proxy) as third:
            assert await is_echoed(third)
            assert proxy.open_connections == 1


async def test_a_polite_cut_is_an_end() -> None:
    async with proxied_echo() as proxy, await connect(proxy) as stream:
        assert await is_echoed(stream)
        proxy.cut("fin")
        assert await stream.receive_some(1) == b""


async def test_refused_is_who_is_new_and_only_until_it_heals() -> None:
    async with proxied_echo() as proxy, await connect(proxy) as old:
        assert await is_echoed(old)
        proxy.refuse()
        assert not await is_served(proxy)
        assert await is_echoed(old)
        proxy.heal()
        assert await is_served(proxy)
        assert proxy.accepted == 3


async def test_a_delay_is_added_in_each_direction_and_order_stays() -> None:
    async with proxied_echo() as proxy, await connect(proxy) as stream:
        proxy.delay(0.05)
        began_s = trio.current_time()
        for number in range(10):
            await stream.send_all(b"%d" % number)
        assert await exactly(stream, 10) == b"0123456789"
        assert 0.1 <= trio.current_time() - began_s < 20


async def test_a_throttle_bounds_the_rate() -> None:
    async with proxied_echo() as proxy, await connect(proxy) as stream:
        proxy.throttle(20_000)
        began_s = trio.current_time()
        assert await is_echoed(stream, b"x" * 4_000)
        assert 0.2 <= trio.current_time() - began_s < 20


async def test_a_half_open_connection_takes_bytes_and_says_nothing_for_good() -> None:
    async with proxied_echo() as proxy, await connect(proxy) as stream:
        assert await is_echoed(stream)
        passed_bytes = proxy.passed_bytes
        proxy.half_open()
        await stream.send_all(b"anybody?")
        with trio.move_on_after(0.1) as waited:
            await stream.receive_some(1)
        assert waited.cancelled_caught
        proxy.heal()
        await stream.send_all(b"and now?")
        with trio.move_on_after(0.1) as waited:
            await stream.receive_some(1)
        assert waited.cancelled_caught
        assert proxy.passed_bytes == passed_bytes
        assert await is_served(proxy)


async def test_a_planned_cut_lets_exactly_so_many_bytes_pass() -> None:
    async with proxied_echo() as proxy, await connect(proxy) as stream:
        assert await is_echoed(stream)
        before = proxy.passed_bytes
        proxy.cut_after(7, "fin")
        await stream.send_all(b"0123456789")
        assert await exactly(stream, 100) == b""
        assert proxy.passed_bytes - before == 7
        assert await is_served(proxy)


async def test_a_target_that_is_gone_resets_the_client() -> None:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listener.socket.getsockname()[1]
    await listener.aclose()
    async with fault_proxy("127.0.0.1", port) as proxy, await connect(proxy) as stream:
        with trio.fail_after(DEADLINE_S), pytest.raises(trio.BrokenResourceError):
            await stream.receive_some(1)


async def test_jitter_delays_by_chance_and_keeps_the_order() -> None:
    async with proxied_echo() as proxy, await connect(proxy) as stream:
        proxy.delay(0.01, 0.03)
        began_s = trio.current_time()
        for number in range(10):
            await stream.send_all(b"%d" % number)
        assert await exactly(stream, 10) == b"0123456789"
        assert 0.02 <= trio.current_time() - began_s < 20


async def test_a_stall_holds_everything_and_loses_nothing() -> None:
    async with proxied_echo() as proxy, await connect(proxy) as stream:
        proxy.stall()
        await stream.send_all(b"later")
        with trio.move_on_after(0.1) as waited:
            await stream.receive_some(1)
        assert waited.cancelled_caught
        assert proxy.is_stalled
        proxy.heal()
        assert await exactly(stream, 5) == b"later"
