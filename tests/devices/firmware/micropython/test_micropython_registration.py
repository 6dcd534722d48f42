"""A board with a provisioning key and no token: it comes to its token once, whatever fails on the way, and keeps it in flash."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

from simulators.faults.proxy import fault_proxy
from tests.support.hub_process import RunningHub, running_hub
from tests.support.micropython import FOLDER, client, environment
from tests.support.micropython import interpreter as interpreter
from tests.support.simulated_flash import PowerCut, SimulatedFlash

ASKER = """
import asyncio, sys, tributary
tributary._uniform = lambda top: 0.01
url, name, key, folder = sys.argv[1:5]
try:
    print("token", asyncio.run(tributary.register(url, name, key, folder)))
except tributary.Refused as refused:
    print("refused", refused.code, refused.reason)
"""
ANSWER = {"device": "board", "token": "t" * 43}


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    with running_hub(tmp_path_factory.mktemp("registration") / "data") as running:
        yield running


@pytest.fixture(scope="module")
def key(hub: RunningHub) -> str:
    return str(hub.api("POST", "/api/v1/provisioning", {"name": "boards"})["key"])


async def asked(interpreter: str, folder: Path, url: str, name: str, key: str) -> str:
    """Run a board's program to its end; return the last line that it printed."""
    script = folder / "asker.py"
    script.write_text(ASKER)
    command = [interpreter, str(script), url, name, key, str(folder / "flash")]
    with trio.fail_after(60):
        done = await trio.run_process(command, env=environment(), capture_stdout=True, capture_stderr=True, check=False)
    assert done.returncode == 0, done.stderr.decode()[-2_000:]
    return done.stdout.decode().splitlines()[-1]


@asynccontextmanager
async def answering(*answers: bytes) -> AsyncIterator[tuple[str, list[dict[str, Any]]]]:
    """Answer requests with these in turn, then with the last; yields the address and the bodies that came."""
    bodies: list[dict[str, Any]] = []

    async def serve(stream: trio.SocketStream) -> None:
        async with stream:
            said = b""
            while b"}" not in said:
                said += await stream.receive_some(4_096) or b"}"
            bodies.append(json.loads(said.partition(b"\r\n\r\n")[2]))
            await stream.send_all(answers[min(len(bodies), len(answers)) - 1])

    async with trio.open_nursery() as nursery:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, serve, [listener])
        yield f"ws://127.0.0.1:{listener.socket.getsockname()[1]}/behind/v1/device", bodies
        nursery.cancel_scope.cancel()


def answer(status: str, body: object) -> bytes:
    """Return an answer of HTTP."""
    text = json.dumps(body).encode()
    return f"HTTP/1.1 {status}\r\nRetry-After: 0\r\nContent-Length: {len(text)}\r\n\r\n".encode() + text


@pytest.mark.slow
async def test_a_board_registers_once_and_connects_with_the_token_that_it_keeps(
    hub: RunningHub, key: str, tmp_path: Path, interpreter: str
) -> None:
    name = f"board-{Path(interpreter).name}"
    text = (FOLDER / "examples" / "registering.py").read_text()
    for line, filled in (("URL =", f"URL = {hub.url.replace('http', 'ws')!r}"), ("KEY =", f"KEY = {key!r}")):
        text = text.replace(next(each for each in text.splitlines() if each.startswith(line)), filled)
    script = tmp_path / "main.py"
    script.write_text(text.replace('"/spool"', repr(str(tmp_path / "flash"))).replace('"board-0"', repr(name)))
    async with trio.open_nursery() as nursery:
        process = await nursery.start(partial(trio.run_process, [interpreter, str(script)], env=environment(), cwd=tmp_path))
        with trio.fail_after(60):
            while not await has_come(hub, name):  # noqa: ASYNC110  # another process's state
                await trio.sleep(0.05)
        assert process.poll() is None
        nursery.cancel_scope.cancel()
    names = {each.name for each in (tmp_path / "flash").iterdir()}
    assert "token" in names
    assert "nonce" not in names
    kept = await asked(interpreter, tmp_path, "ws://127.0.0.1:1", name, "no key")  # nobody is asked again
    assert kept.startswith("token ")
    (tmp_path / "flash" / "token").unlink()
    assert await asked(interpreter, tmp_path, hub.device_url, name, key) == f"refused 409 device {name} is registered already"


async def has_come(hub: RunningHub, name: str) -> bool:
    """Tell whether a device is known and has said hello."""
    listed = await trio.to_thread.run_sync(hub.api, "GET", "/api/v1/devices")
    return any(each["device"] == name and each["channels"] for each in listed["devices"])


@pytest.mark.slow
async def test_an_answer_that_is_lost_is_given_again(hub: RunningHub, key: str, tmp_path: Path, interpreter: str) -> None:
    name = f"cut-{Path(interpreter).name}"
    async with fault_proxy(*hub.address) as proxy:
        proxy.cut_after(600, "rst")  # in the answer
        said = await asked(interpreter, tmp_path, proxy.url.replace("http", "ws"), name, key)
        assert proxy.accepted > 1
    token = said.removeprefix("token ")
    assert len(token) > 30
    assert await asked(interpreter, tmp_path, "ws://127.0.0.1:1", name, key) == said


@pytest.mark.slow
async def test_a_wrong_key_is_for_somebody_to_act_on(hub: RunningHub, key: str, tmp_path: Path, interpreter: str) -> None:
    assert (await asked(interpreter, tmp_path, hub.device_url, "stranger", f"{key}x")).startswith("refused 401 ")


async def test_what_passes_by_itself_is_waited_out_with_one_nonce(tmp_path: Path, interpreter: str) -> None:
    answers = (
        answer("503 Service Unavailable", {"code": "busy", "message": "no room"}),
        answer("429 Too Many Requests", {"code": "too_many_registrations", "message": "later"}),
        answer("404 Not Found", "a proxy's page"),
        b"220 mail.example.com ESMTP\r\n\r\n",
        b"HTTP/1.1 201 Created\r\nContent-Length: 90\r\n\r\n{",
        answer("201 Created", {"device": "board"}),
        answer("201 Created", ANSWER),
    )
    async with answering(*answers) as (url, bodies):
        assert await asked(interpreter, tmp_path, url, "board", "key") == f"token {ANSWER['token']}"
    assert len(bodies) == len(answers)
    assert len({body["nonce"] for body in bodies}) == 1
    assert all(set(body) == {"name", "nonce"} for body in bodies)


def test_the_power_may_go_at_any_write_and_the_nonce_that_was_asked_with_stays() -> None:
    async def lived(seed: int, cut_at: int) -> bool:
        flash, asked_with = SimulatedFlash(seed), list[str]()

        async def ask(url: str, key: str, body: bytes, tls: object) -> str:
            asked_with.append(json.loads(body)["nonce"])
            return f"token of {asked_with[0]}"

        flash.power_on(cut_at)
        module: Any = client()
        known, module._ask_for_token = module._ask_for_token, ask
        try:
            with suppress(PowerCut):
                await module.register("ws://hub", "board", "key", flash)
            was_cut = flash.is_off
            flash.power_on()
            token = await module.register("ws://hub", "board", "key", flash)
        finally:
            module._ask_for_token = known
        assert token == f"token of {asked_with[0]}"
        assert set(asked_with) == {asked_with[0]}
        assert flash.names() == ["token"]
        return was_cut

    cuts = [asyncio.run(lived(seed, cut_at)) for seed in range(30) for cut_at in range(1, 5)]
    assert cuts.count(True) == 3 * 30
