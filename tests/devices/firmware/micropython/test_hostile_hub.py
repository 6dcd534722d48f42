"""A hub that means harm: the MicroPython client neither ends nor grows, and goes on measuring; TLS trusts whom it was told."""

import base64
import hashlib
import random
import ssl
import struct
from pathlib import Path

import trio
import trustme

from tests.support.micropython import environment
from tests.support.micropython import interpreter as interpreter

SCRIPT = Path(__file__).parent / "scripts" / "besieged.py"
MEETINGS = 240
SLACK_BYTES = 4_096  # a leak of 100 bytes in each meeting would be more


def framed(payload: bytes, first: int = 0x82, size: int | None = None) -> bytes:
    """Return a frame of a server, with another size than it has where that is given."""
    said = len(payload) if size is None else size
    return bytes([first, 127]) + struct.pack(">Q", said) + payload


def welcome() -> bytes:
    """Return a welcome with rubbish for marks."""
    return b"\x86\xa2op\xa7welcome\xa7time_us\x01\xa5marks\x92\x91\x01\xc0\xa6credit\x80\xa6limits\x80\xabheartbeat_s\x14"


def attacks(rng: random.Random) -> list[bytes]:
    """Return what is said after the upgrade, one attack for each meeting."""
    return [
        framed(rng.randbytes(300)),
        framed(b"\x91" * 2_000),
        framed(b"\xdd\xff\xff\xff\xff"),
        framed(b"\xdc\x07\xd0" + b"\xa0" * 2_000),
        framed(b"x" * 60_000) * 3 + framed(b""),
        framed(b"", size=1 << 62),
        framed(b"x" * 50, size=65_000),
        framed(b"half of a text", 0x01),
        framed(b"", 0x02) * 500 + framed(b"\xc1", 0x80),
        bytes([0x89, 5]) + b"hello" + bytes([0x8A, 0]) * 300 + framed(welcome()),
        bytes([0x88, 1, 0]),
        bytes([0xFF, 0xFF]) * 50,
        framed(b"\x82\xa2op\xa3bye\xa7retry_s\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00"),
        framed(b"\x81\xa2op\xa8\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8"),
        b"",
    ]


class HostileHub:
    """Serves each connection another attack; `met` counts them."""

    def __init__(self) -> None:
        self._rng = random.Random(11)
        self.met = 0

    async def serve(self, stream: trio.SocketStream) -> None:
        """Attack once."""
        self.met += 1
        async with stream:
            try:
                head = b""
                while b"\r\n\r\n" not in head:
                    head += await stream.receive_some(4_096) or b"\r\n\r\n"
                kinds = attacks(self._rng)
                kind = self.met % (len(kinds) + 3)
                if kind < len(kinds):
                    await stream.send_all(accepted(head) + kinds[kind])
                else:
                    await stream.send_all((b"HTTP/1.1 200 OK\r\n" + b"x" * 9_000, self._rng.randbytes(5_000), b"")[kind - len(kinds)])
                with trio.move_on_after(0.02):
                    while await stream.receive_some(4_096):
                        pass
            except trio.BrokenResourceError:
                pass


def accepted(head: bytes) -> bytes:
    """Return the answer that a true hub gives."""
    key = next(line.split(b": ")[1] for line in head.split(b"\r\n") if line.startswith(b"Sec-WebSocket-Key"))
    proof = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
        + proof
        + b"\r\nSec-WebSocket-Protocol: tributary.device.v1\r\n\r\n"
    )


async def test_it_neither_ends_nor_grows(interpreter: str) -> None:
    hub = HostileHub()
    async with trio.open_nursery() as nursery:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, hub.serve, [listener])
        url = f"ws://127.0.0.1:{listener.socket.getsockname()[1]}"
        with trio.fail_after(60):
            done = await trio.run_process(
                [interpreter, str(SCRIPT), url, str(MEETINGS)],
                env=environment(),
                capture_stdout=True,
                capture_stderr=True,
                check=False,
            )
        nursery.cancel_scope.cancel()
    assert done.returncode == 0, done.stderr.decode()[-2_000:]
    came, before, after = (int(word) for word in done.stdout.split()[-3:])
    assert came >= MEETINGS
    assert after <= before + SLACK_BYTES


ASKER = """
import asyncio, sys, tributary
device = tributary.Device(sys.argv[1], "board", "token", [("value", "V", "gauge")], tls=tributary.trust(sys.argv[2]), on_log=print)
try:
    asyncio.run(device.visit(0, 1500))
except tributary.Refused as refused:
    print("refused", refused.code)
"""


async def test_over_tls_it_talks_to_whom_it_was_told_to_trust_and_to_nobody_else(tmp_path: Path, interpreter: str) -> None:
    authority, stranger = trustme.CA(), trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    heads: list[bytes] = []

    async def serve(stream: trio.SSLStream[trio.SocketStream]) -> None:
        try:
            heads.append(bytes(await stream.receive_some(4_096)))
            body = b'{"code": "wrong_token", "message": "no"}'
            await stream.send_all(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            await stream.aclose()
        except (trio.BrokenResourceError, OSError):
            pass

    script = tmp_path / "asker.py"
    script.write_text(ASKER)
    said = {}
    async with trio.open_nursery() as nursery:
        (listener,) = await trio.open_ssl_over_tcp_listeners(0, context, host="127.0.0.1", https_compatible=True)
        nursery.start_soon(trio.serve_listeners, serve, [listener])
        assert isinstance(listener.transport_listener, trio.SocketListener)
        port = listener.transport_listener.socket.getsockname()[1]
        for name, trusted in (("authority", authority), ("stranger", stranger)):
            pem = trusted.cert_pem.bytes()
            file = tmp_path / name
            file.write_bytes(ssl.PEM_cert_to_DER_cert(pem.decode()) if "micropython" in interpreter else pem)
            command = [interpreter, str(script), f"wss://localhost:{port}", str(file)]
            with trio.fail_after(30):
                done = await trio.run_process(command, env=environment(), capture_stdout=True, capture_stderr=True, check=False)
            said[name] = done.stdout.decode() + done.stderr.decode()
        nursery.cancel_scope.cancel()
    assert "refused 401" in said["authority"], said
    assert "refused" not in said["stranger"]
    assert "not connected" in said["stranger"], said
    assert [head[:15] for head in heads if head] == [b"GET /v1/device "]
