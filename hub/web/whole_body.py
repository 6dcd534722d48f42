"""A request's body, read whole by what stands round the app, and given to the app as if nobody had read it.

Owns neither limit nor deadline: those are the door's. Used by json_bodies.py and ways/handing_on.py.
"""

from hub.web.envelope import Message, Receive


async def whole_body(receive: Receive) -> bytes | None:
    """Return the body; None where the client has left before its end, or the door has refused it: the next `receive` says so again."""
    pieces = []
    while (message := await receive())["type"] == "http.request":
        pieces.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(pieces)
    return None


def given_again(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that gives the body first."""
    first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return first.pop() if first else await receive()

    return again
