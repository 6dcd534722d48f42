"""The head of a request: read within its limits, checked byte by byte, and parsed by h11.

Owns what is let near any parser: at most so many bytes, in so much time, ASCII only, HTTP/1.x only. Reads no body and answers
nothing: it raises the Refusal that the door says. Called by the door for every request, also the later ones of a connection.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import h11
import trio

from hub.core.errors import Refusal
from hub.web.refusals import bad_request
from hub.web.settings import DoorSettings
from hub.web.streams import GuardedStream

_END: Final = b"\r\n\r\n"
# Tab, CR, LF and printable ASCII: a non-ASCII byte in some headers ends a stock trio-websocket server for everybody.
_FORBIDDEN: Final = re.compile(rb"[^\t\r\n\x20-\x7e]")
_LINK: Final = re.compile(
    r"/shared/[0-9a-f]{16}(/|/v1/live|/api/v1/(?:shared|query|live(?:/[\w\-]+(?:\.[\w\-]+)?(?:/events)?)?))", re.ASCII
)
_LONE_LF: Final = re.compile(rb"(?<!\r)\n")


@dataclass(frozen=True, slots=True)
class Head:
    """A request line and its headers, and the h11 connection that has read just these."""

    method: str
    path: str  # as it was sent, percent-encoded, without the query
    query: str
    version: str  # 1.0 or 1.1
    headers: tuple[tuple[bytes, bytes], ...]  # names in lower case, in order
    fields: Mapping[str, str]  # the same by name; repeated ones joined as RFC 9110 5.3 says
    exchange: h11.Connection

    @property
    def is_upgrade(self) -> bool:
        """Tell whether this asks for a WebSocket."""
        return "websocket" in tokens(self.fields.get("upgrade", "")) and "upgrade" in tokens(self.fields.get("connection", ""))

    def below(self, base_path: str) -> "Head":
        """Return this as it is asked for below the base path; as it is, where a proxy has taken the base path away already."""
        if not base_path or not f"{self.path}/".startswith(f"{base_path}/"):
            return self
        return replace(self, path=self.path[len(base_path) :])

    def behind_link(self) -> "Head":
        """Return this as it is asked for by the page of a shared dashboard: below its link's address lies what a guest needs, only.

        So a browser keeps the cookie of each link apart from the others and from a login.
        """
        return replace(self, path=_behind_link(self.path))


def _behind_link(path: str) -> str:
    found = _LINK.fullmatch(path)
    return path if found is None else found[1] if found[1] != "/" else "/shared"


def tokens(value: str) -> list[str]:
    """Split a comma-separated header value, in lower case."""
    return [token.strip().lower() for token in value.split(",")]


async def read_head(stream: GuardedStream, settings: DoorSettings, *, wait_s: float) -> Head | None:
    """Return the next head, or None where the client says nothing more or nothing at all for `wait_s`.

    What came behind the head goes back to the stream. Raises Refusal (400, 408, 431, 501, 505).
    """
    heard = b""
    with trio.move_on_after(wait_s) as scope:
        while (end := heard.find(_END) + len(_END)) < len(_END):
            data = await stream.receive_some(settings.max_head_bytes)
            if not data:
                if heard:
                    raise bad_request("the request ended in the middle of its head", "send the whole head, up to the empty line")
                return None
            if not heard:
                scope.deadline = min(scope.deadline, trio.current_time() + settings.head_timeout_s)
            _check_bytes(heard, data)
            heard += data
            if len(heard) >= settings.max_head_bytes and _END not in heard[: settings.max_head_bytes]:
                raise _too_large(settings)
        stream.unread(heard[end:])
        return _parse(heard[:end], settings)
    if not heard:
        return None
    raise Refusal("head_timeout", f"the head was not complete within {settings.head_timeout_s:g} s", "send it in one piece", 408)


def _too_large(settings: DoorSettings) -> Refusal:
    hint = "send a shorter address, or fewer and shorter headers (cookies?)"
    return Refusal("head_too_large", f"the head is over the limit of {settings.max_head_bytes:,} bytes", hint, 431)


def _check_bytes(heard: bytes, data: bytes) -> None:
    """Refuse what no head may hold as soon as it comes; what stands behind the head is not looked at."""
    # The empty line may lie across the seam.
    seam = heard[-3:]
    new = seam + data
    new = new[: end + len(_END)] if (end := new.find(_END)) >= 0 else new
    if found := _FORBIDDEN.search(new):
        if not heard and data[:2] == b"\x16\x03":
            raise bad_request("this port speaks plain HTTP, and TLS came", "use http:// and ws:// here")
        raise bad_request(f"the head holds the byte 0x{new[found.start()]:02x}", "a head is printable ASCII: encode anything else")
    if _LONE_LF.search(new, len(seam)):
        raise bad_request("a line of the head does not end in CR LF", "end each line in CR LF")


def _parse(raw: bytes, settings: DoorSettings) -> Head:
    raw = raw.removeprefix(b"\r\n")  # RFC 9112 2.2: one empty line before the request is forgiven
    if raw.partition(b"\r\n")[0].rpartition(b" ")[2] not in {b"HTTP/1.1", b"HTTP/1.0"} and b" HTTP/" in raw.partition(b"\r\n")[0]:
        raise Refusal("http_version", "this port speaks HTTP/1.1 only", "use HTTP/1.1, also behind a reverse proxy", 505)
    exchange = h11.Connection(h11.SERVER, max_incomplete_event_size=2 * settings.max_head_bytes)
    exchange.receive_data(raw)
    try:
        request = exchange.next_event()
    except h11.RemoteProtocolError as error:
        raise bad_request(str(error), "see RFC 9112", status=error.error_status_hint) from None
    if not isinstance(request, h11.Request):
        raise bad_request("there is no request line", "begin with a line such as GET / HTTP/1.1")
    headers = tuple(request.headers)
    fields = _joined(headers)
    if "transfer-encoding" in fields and "content-length" in fields:
        raise bad_request("Content-Length stands beside Transfer-Encoding", "send one of them")
    path, _, query = _origin_form(request.target.decode()).partition("?")
    return Head(request.method.decode(), path, query, request.http_version.decode(), headers, fields, exchange)


def _joined(headers: tuple[tuple[bytes, bytes], ...]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode(), raw_value.decode()
        separator = "; " if name == "cookie" else ", "
        fields[name] = f"{fields[name]}{separator}{value}" if name in fields else value
    return fields


def _origin_form(target: str) -> str:
    """Return path and query, also of the absolute form, which RFC 9112 3.2.2 has every server take."""
    if target.startswith("/"):
        return target
    scheme, found, rest = target.partition("://")
    if found and scheme.lower() in {"http", "https"}:
        return "/" + rest.partition("/")[2]
    if target == "*":
        return target
    raise bad_request("the request target is not a path", "ask for a path, such as /")
