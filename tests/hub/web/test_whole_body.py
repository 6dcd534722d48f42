"""A body that was read once is there for the app as it came; one that never came to its end is none."""

from collections.abc import Iterable

from hub.web.envelope import Message, Receive, Send
from hub.web.json_bodies import JsonBodies
from hub.web.whole_body import given_again, whole_body

GONE: Message = {"type": "http.disconnect"}


def said(*pieces: bytes, is_whole: bool = True) -> Receive:
    """Return what a client says in pieces, and then that it has left."""
    messages: Iterable[Message] = [
        {"type": "http.request", "body": piece, "more_body": at < len(pieces) or not is_whole} for at, piece in enumerate(pieces, 1)
    ]
    left = iter(messages)

    async def receive() -> Message:
        return next(left, GONE)

    return receive


async def test_pieces_are_one_body_which_is_given_again_before_what_comes_next() -> None:
    receive = said(b"ab", b"", b"c")
    body = await whole_body(receive)
    assert body == b"abc"
    again = given_again(body, receive)
    assert [await again(), await again()] == [{"type": "http.request", "body": b"abc", "more_body": False}, GONE]


async def test_a_client_that_leaves_in_the_middle_of_its_json_is_refused_nothing() -> None:
    heard: list[Message] = []
    refused: list[str] = []

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        heard.append(await receive())

    async def send(message: Message) -> None:
        raise AssertionError(message)

    assert await whole_body(said(b'{"na', is_whole=False)) is None
    scope: Message = {"type": "http", "path": "/api/v1/devices", "headers": [(b"content-type", b"application/json")]}
    await JsonBodies(app, refused.append)(scope, said(b'{"na', is_whole=False), send)
    assert (heard, refused) == ([GONE], [])
