"""How bytes are spoilt: cut, doubled, flipped, joined; and numbers and lengths at their borders.

Owns the moves alone; families.py and its neighbours say what they are made on.
"""

import random
from typing import Final

BORDERS: Final = (0, 1, 2, 125, 126, 127, 128, 255, 256, 4_095, 4_096, 4_097, 65_535, 65_536, 65_537, 2**31 - 1, 2**31, 2**32, 2**63 - 1)


def mutated(rng: random.Random, raw: bytes, most: int = 6) -> bytes:
    """Return the bytes with some moves made on them."""
    for _ in range(rng.randrange(1, most)):
        at = rng.randrange(len(raw) + 1)
        to = at + rng.randrange(9)
        match rng.randrange(6):
            case 0:
                raw = raw[:at] + rng.randbytes(rng.randrange(8)) + raw[to:]
            case 1:
                raw = raw[:at] + raw[rng.randrange(len(raw) + 1) :]
            case 2:
                raw = raw[:at] + raw[to:]
            case 3:
                raw = raw[:at] + raw[at:to] * rng.randrange(2, 5) + raw[to:]
            case 4 if at < len(raw):
                raw = raw[:at] + bytes([raw[at] ^ 1 << rng.randrange(8)]) + raw[at + 1 :]
            case _:
                raw = raw[:at] + bytes([rng.choice((0, 10, 13, 32, 127, 128, 192, 255))]) + raw[at:]
    return raw


def pieces(rng: random.Random, raw: bytes, most: int = 4) -> tuple[bytes, ...]:
    """Return the bytes cut into up to so many pieces."""
    ends = sorted({rng.randrange(len(raw) + 1) for _ in range(rng.randrange(most))} | {len(raw)})
    return tuple(raw[begin:end] for begin, end in zip([0, *ends], ends, strict=False) if end > begin)
