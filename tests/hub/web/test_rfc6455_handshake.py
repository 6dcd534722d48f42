"""The opening handshake of RFC 6455 at the hub's own door: each row of the table of tests/support/rfc6455_handshakes.py."""

import base64
import hashlib

import pytest

from tests.support.door import everything, frame, is_refusal, running_door, until
from tests.support.rfc6455_handshakes import HANDSHAKES, SUBPROTOCOL, Handshake

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # section 1.3


def fields_of(head: bytes) -> dict[str, str]:
    """Return the headers of an answer, none of which may come twice."""
    lines = [line.partition(":") for line in head.decode("ascii").split("\r\n")[1:] if line]
    fields = {name.strip().lower(): value.strip() for name, _, value in lines}
    assert len(fields) == len(lines)
    return fields


@pytest.mark.parametrize("row", [pytest.param(row, id=name) for name, row in HANDSHAKES.items()])
async def test_every_handshake_is_answered_as_the_table_says(row: Handshake) -> None:
    async with running_door() as place, await place.connect() as stream:
        await stream.send_all(row.request + (frame(b"early") if row.status == 101 else b""))
        if row.status != 101:
            heard = await everything(stream)
            if not row.request.startswith(b"HEAD "):
                is_refusal(heard, row.status, json_code(heard))
            assert heard.startswith(b"HTTP/1.1 %d " % row.status), heard
            assert (b"sec-websocket-version: 13" in heard.lower()) == (row.status == 426)
            assert place.sessions.ended == []
            return
        head, _, behind = (await until(stream, b"\r\n\r\n")).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 ")
        fields = fields_of(head)
        assert fields["upgrade"].lower() == "websocket"
        assert "upgrade" in fields["connection"].lower()
        assert fields["sec-websocket-accept"] == base64.b64encode(hashlib.sha1(row.key.encode() + GUID).digest()).decode()
        assert fields["sec-websocket-protocol"] == SUBPROTOCOL
        assert "sec-websocket-extensions" not in fields
        assert "content-length" not in fields
        assert behind + (b"" if behind.endswith(b"early") else await until(stream, b"early")) == b"\x82\x05early"
    assert place.door.failed == 0


def json_code(heard: bytes) -> str:
    """Return the code that a refusal names."""
    return heard.partition(b'"code":')[2].partition(b'"')[2].partition(b'"')[0].decode()
