"""JSON bodies read strictly, before any route: UTF-8, no doubled keys, no NaN, no depth that nobody means.

Owns these limits and how they are told; that a body comes whole and within its length is the door's. Other types pass: a route that wants
JSON refuses them itself, and an import is no JSON. Put round the app by api.py.
"""

import json
import math
from collections.abc import Callable, Iterable
from typing import Any, Final

from hub.core.errors import Refusal
from hub.web.envelope import ASGIApp, Message, Receive, Send, refusal_answer
from hub.web.settings import UPLOADS
from hub.web.whole_body import given_again, whole_body

MAX_DEPTH: Final = 32
_ONE: Final = "send one JSON object, in UTF-8"


class JsonBodies:
    """The middleware."""

    def __init__(self, app: ASGIApp, refused: Callable[[str], None]) -> None:
        self._app = app
        self._refused = refused  # told of each refusal

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one request."""
        kind = _content_type(scope) if scope["type"] == "http" and scope["path"] not in UPLOADS else ""
        name, _, parameters = kind.partition(";")
        if name.strip() != "application/json":
            await self._app(scope, receive, send)
            return
        body = await whole_body(receive)
        try:
            _check_charset(parameters)
            if body:
                check_json(body)
        except Refusal as refusal:
            self._refused(refusal.code)
            answer = refusal_answer(refusal.status, refusal.code, refusal.message, refusal.hint)
            await answer(scope, receive, send)
            return
        await self._app(scope, receive if body is None else given_again(body, receive), send)


def _content_type(scope: Message) -> str:
    return next((bytes(value).decode("latin-1").lower() for name, value in scope["headers"] if bytes(name).lower() == b"content-type"), "")


def _check_charset(parameters: str) -> None:
    for each in parameters.split(";"):
        name, _, value = each.partition("=")
        if name.strip() == "charset" and value.strip().strip('"') not in ("utf-8", "utf8"):
            said = f"the body is in {value.strip()[:40]}, and JSON is in UTF-8"
            raise Refusal("bad_content_type", said, "send Content-Type: application/json", 415)


def check_json(body: bytes) -> None:
    """Refuse what is no JSON, or JSON that says a thing twice. Raises Refusal 400 where it is no UTF-8, else 422."""
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        said = f"the body is not UTF-8: byte 0x{body[error.start]:02x} at {error.start}"
        raise Refusal("bad_request", said, "send JSON in UTF-8", 400) from None
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_number, parse_float=_finite)
    except json.JSONDecodeError as error:
        raise Refusal("bad_request", f"the body is not JSON: {error.msg} at character {error.pos}", _ONE, 422) from None
    except RecursionError:
        raise _too_deep() from None
    except ValueError as error:  # an integer of thousands of digits
        raise Refusal("bad_request", f"the body is not JSON: {error}"[:200], _ONE, 422) from None
    if text.count("[") + text.count("{") > MAX_DEPTH:
        _check_depth(value)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen = set[str]()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise Refusal("bad_request", f"the body has the key {twice[:64]!r} twice", "say each thing once", 422)
    return found


def _no_number(name: str) -> float:
    raise Refusal("bad_request", f"the body holds {name}, which JSON does not have", "send a finite number, or null", 422)


def _finite(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise Refusal("bad_request", f"the body holds {text[:40]}, which is beyond 1.8e308", "send a smaller number", 422)
    return number


def _check_depth(value: Any) -> None:
    level: Iterable[Any] = (value,)
    for _ in range(MAX_DEPTH + 1):
        inner = [each for each in level if isinstance(each, dict | list)]
        if not inner:
            return
        level = [one for each in inner for one in (each.values() if isinstance(each, dict) else each)]
    raise _too_deep()


def _too_deep() -> Refusal:
    return Refusal("bad_request", f"the body is nested more deeply than {MAX_DEPTH} levels, the limit", "send it flatter", 422)
