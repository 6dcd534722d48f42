"""What good clients say, by the volume: before growth is measured, whatever a hub keeps of its traffic must be full of theirs.

Owns the generator, seed to exchange, in the form of the hostile families; expects nothing.
"""

import random
from typing import Final

from tests.fuzz.encodings import packed
from tests.fuzz.exchange import EPOCH, NOW_US, SOCKETS, VIEWER_TOKEN, Exchange
from tests.fuzz.handshakes import request

_TEXTS: Final = 200  # in a frame, of 250 bytes: near the limit of a frame, and few readings to compare
_PATHS: Final = ("/api/v1/devices", "/api/v1/series", "/api/v1/hub", "/", "/api/v1/latest?where=name%3D*")


def good(rng: random.Random) -> Exchange:
    """Return two large frames of a device, or many small ones, a viewer's subscription, or a request."""
    who = rng.choice((*SOCKETS, "device", "device", "raw"))
    if who == "raw":
        fields = [("Host", "hub.example"), ("Authorization", f"Bearer {VIEWER_TOKEN.decode()}"), ("Connection", "close")]
        return Exchange("good", 0, steps=(request(f"GET {rng.choice(_PATHS)} HTTP/1.1", fields),))
    if who == "device":
        texts, frames = rng.choice(((_TEXTS, 2), (1, 50)))
        return Exchange("good", 0, who, tuple(_data(rng, seq, texts) for seq in range(1, frames + 1)), is_framed=True, is_known=True)
    asked = {"op": "subscribe", "id": "a", "devices": ["healthy"]}
    steps = (b'{"op":"subscribe","id":"a","devices":["healthy"]}',) if who == "json" else (packed(asked),)
    return Exchange("good", 0, who, steps, is_framed=True, is_known=True)


def _data(rng: random.Random, seq: int, texts: int) -> bytes:
    values = [f"{rng.getrandbits(1_000):0250x}" for _ in range(texts)]
    return packed({"e": EPOCH, "s": seq, "op": "data", "t": NOW_US, "c": [4] * texts, "d": list(range(texts)), "v": values})
