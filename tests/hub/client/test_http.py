"""The client against a real hub in this process: every method, and what a refusal looks like."""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
import trio
import trustme

from devices.client import Device
from devices.wire.messages import Channel
from hub import main
from hub.client import HubClient, HubError, LiveConnection
from hub.client.local import pinned, read_admin_token
from hub.config import Settings

CHANNELS = (Channel("temp", "Cel"), Channel("level", "m"))


@asynccontextmanager
async def hub_client(tmp_path: Path) -> AsyncIterator[HubClient]:
    """Run a hub and be its administrator."""
    async with trio.open_nursery() as nursery:
        with trio.fail_after(20):
            await nursery.start(main.serve, Settings(port=0, data_dir=tmp_path / "data", keep_raw_days=0))
        async with HubClient.local(tmp_path / "data") as client:
            with trio.fail_after(30):
                yield client
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def device(client: HubClient, name: str) -> AsyncIterator[Device]:
    """Add a device and connect it, with one command."""
    made = Device(client.url, name, await client.add_device(name), channels=CHANNELS)

    @made.command("add", args={"a": {"type": "integer"}, "b": {"type": "integer", "default": 1}})
    async def add(a: int, b: int) -> int:
        return a + b

    @made.command("fail")
    async def fail() -> None:
        raise RuntimeError("no such valve")

    async with made:
        await until(lambda: is_online(client, name))
        yield made


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait for a state of the hub; the deadline is hub_client's."""
    while True:
        if await holds():
            return
        await trio.sleep(0.01)


async def is_online(client: HubClient, name: str) -> bool:
    return bool((await client.device(name))["presence"] == "online")


async def read_to_the_end(live: LiveConnection) -> None:
    async for _ in live:
        pass


async def refusal(client: HubClient, path: str) -> HubError:
    with pytest.raises(HubError) as caught:
        await client.device(path)
    return caught.value


async def test_hub_tells_about_itself(tmp_path: Path) -> None:
    async with hub_client(tmp_path) as client:
        said = await client.hub()
        assert said["credit"] == "open"
        assert said["devices"] == 0
        assert await client.ready() == []
        assert "tributary_journal_position" in await client.metrics()


async def test_device_is_added_listed_and_removed(tmp_path: Path) -> None:
    async with hub_client(tmp_path) as client:
        first = await client.add_device("pump:1")
        assert await client.new_token("pump:1") != first
        assert (await client.add_devices(["a", "b"])).keys() == {"a", "b"}
        assert [item["device"] for item in await client.devices()] == ["a", "b", "pump:1"]
        await client.remove_device("pump:1")
        assert [item["device"] for item in await client.devices()] == ["a", "b"]


async def test_refusal_has_code_message_and_hint(tmp_path: Path) -> None:
    async with hub_client(tmp_path) as client:
        error = await refusal(client, "none")
        assert error.status == 404
        assert "none" in error.message
        await client.add_device("pump")
        with pytest.raises(HubError) as caught:
            await client.add_device("pump")
        assert (caught.value.code, caught.value.status) == ("exists", 409)
        assert caught.value.hint


async def test_wrong_credential_is_refused(tmp_path: Path) -> None:
    async with hub_client(tmp_path) as client, HubClient(client.url, "wrong") as stranger:
        with pytest.raises(HubError) as caught:
            await stranger.devices()
        assert caught.value.status == 401
        with pytest.raises(HubError) as caught:
            async with stranger.live():
                pass
        assert caught.value.status == 401


async def test_readings_come_back_exactly(tmp_path: Path) -> None:
    async with hub_client(tmp_path) as client, device(client, "pump") as pump:
        await pump.send({"temp": 21.5, "level": 3}, time_us=1_790_000_000_000_000)
        await pump.send({"temp": 22.5}, time_us=1_790_000_000_500_001)
        await pump.drained()

        async def is_stored() -> bool:
            return bool((await client.hub())["store_lag"] == 0)

        await until(is_stored)
        answer = await client.query("pump", ["temp"], from_us=1_790_000_000_000_000, to_us=1_790_000_001_000_000)
        assert [(t, value) for t, _, value in answer["series"][0]["points"]] == [
            (1_790_000_000_000_000, 21.5),
            (1_790_000_000_500_001, 22.5),
        ]
        assert {(item["channel"], item["unit"]) for item in await client.series("pump")} == {("temp", "Cel"), ("level", "m")}
        buckets = await client.query("pump", ["temp"], from_us=1_790_000_000_000_000, to_us=1_790_000_001_000_000, width="1s")
        assert buckets["series"][0]["buckets"]["count"] == [2]
        assert await client.losses("pump") == {"gaps": [], "rejects": []}


async def test_losses_are_read_to_the_end_of_the_journal(tmp_path: Path) -> None:
    async with hub_client(tmp_path) as client, device(client, "pump") as pump:
        await pump.send({"temp": 1.0}, time_us=2**62 // 1_000)
        await pump.drained()
        (reject,) = (await client.losses("pump"))["rejects"]
        assert reject["readings"][0]["code"] == "future"


async def test_command_is_followed_to_its_end(tmp_path: Path) -> None:
    async with hub_client(tmp_path) as client, device(client, "pump"):
        sent = await client.command("pump", "add", {"a": 2})
        ended = await client.command_ended(sent["id"])
        assert (ended["state"], ended["value"]) == ("done", 3)
        failed = await client.command_ended((await client.command("pump", "fail"))["id"])
        assert failed["state"] == "failed"
        assert "no such valve" in failed["reason"]
        assert [item["id"] for item in await client.commands("pump")] == [failed["id"], ended["id"]]


async def test_command_that_does_not_end_in_time_is_told(tmp_path: Path) -> None:
    async with hub_client(tmp_path) as client, device(client, "pump"):
        sent = await client.command("pump", "add", {"a": 2})
        with pytest.raises(HubError) as caught:
            await client.command_ended(sent["id"], timeout_s=0)
        assert caught.value.code == "timeout"


async def test_login_link_is_the_hubs_own(tmp_path: Path) -> None:
    async with hub_client(tmp_path) as client:
        assert (await client.new_login()).startswith(f"{client.url}/login?token=")


async def test_viewer_sees_readings_as_they_come(tmp_path: Path) -> None:
    async with hub_client(tmp_path) as client, device(client, "pump") as pump, client.live() as live:
        assert (await live.receive())["op"] == "ready"
        await live.subscribe("mine", ["pump"])
        seen: list[float] = []
        async for message in live:
            for column in message.get("data", []):
                seen.extend(column["v"])
            if message["op"] == "snapshot":
                await pump.send({"temp": 21.5})
            if 21.5 in seen:
                break
        assert seen == [21.5]


async def test_hub_that_stops_says_so_to_its_viewers(tmp_path: Path) -> None:
    async with trio.open_nursery() as nursery:
        stop = trio.CancelScope()

        async def run(*, task_status: trio.TaskStatus[str]) -> None:
            with stop:
                await main.serve(Settings(port=0, data_dir=tmp_path), task_status=task_status)

        await nursery.start(run)
        with trio.fail_after(20):
            async with HubClient.local(tmp_path) as client, client.live() as live:
                # A session that is stopped in the middle of a message can say nothing more: wait until it has greeted us.
                greeting = {"ready", "devices", "commands", "alerts", "system"}
                while greeting:
                    greeting.discard((await live.receive())["op"])
                stop.cancel()
                with pytest.raises(HubError) as caught:
                    await read_to_the_end(live)
        assert (caught.value.code, caught.value.status) == ("closed", 1012)


async def test_hub_with_tls_is_known_by_its_own_certificate(tmp_path: Path) -> None:
    issued = trustme.CA().issue_cert("hub.example")
    chain, key = tmp_path / "hub.pem", tmp_path / "hub.key"
    chain.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    issued.private_key_pem.write_to_path(str(key))
    settings = Settings(port=0, data_dir=tmp_path / "data", tls_certificate=chain, tls_key=key)
    async with trio.open_nursery() as nursery:
        url = await nursery.start(main.serve, settings)
        assert url.startswith("https://")
        token = read_admin_token(settings.data_dir)
        with trio.fail_after(20):
            async with HubClient(url, token, tls=pinned(chain)) as client, client.live() as live:
                assert (await client.hub())["credit"] == "open"
                assert (await live.receive())["op"] == "ready"
            async with HubClient(url, token) as stranger:
                with pytest.raises(HubError) as caught:
                    await stranger.hub()
        assert caught.value.code == "unreachable"
        nursery.cancel_scope.cancel()


async def test_nobody_at_the_address_is_told() -> None:
    async with HubClient("http://127.0.0.1:1", "token") as client:
        with pytest.raises(HubError) as caught:
            await client.hub()
        assert caught.value.code == "unreachable"
        with pytest.raises(HubError) as caught:
            async with client.live():
                pass
        assert caught.value.code == "unreachable"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [-float("inf")], {1, 2}, b"bytes"])
async def test_what_json_has_no_word_for_is_refused_before_it_is_sent(value: object) -> None:
    async with HubClient("http://127.0.0.1:1", "token") as client:
        with pytest.raises(HubError, match="cannot be sent") as refused:
            await client.command("pump", "go", {"to": value})
        assert refused.value.code == "bad_value"


async def test_a_certificate_that_is_not_trusted_says_how_to_trust_it(tmp_path: Path) -> None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(server)
    (listener,) = await trio.open_ssl_over_tcp_listeners(0, server, host="127.0.0.1")
    assert isinstance(listener.transport_listener, trio.SocketListener)
    port = listener.transport_listener.socket.getsockname()[1]

    async def serve(stream: trio.SSLStream[trio.SocketStream]) -> None:
        with suppress(trio.BrokenResourceError):
            await stream.do_handshake()

    async with trio.open_nursery() as nursery, HubClient(f"https://127.0.0.1:{port}", "token") as client:
        await nursery.start(trio.serve_listeners, serve, [listener])
        with pytest.raises(HubError) as refused:
            await client.hub()
        assert "SSL_CERT_FILE" in refused.value.hint
        with pytest.raises(HubError) as refused:
            async with client.live():
                pass
        assert "SSL_CERT_FILE" in refused.value.hint
        nursery.cancel_scope.cancel()
