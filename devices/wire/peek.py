"""Read (epoch, seq) off the first bytes of a frame whose body cannot be decoded.

Owns nothing but this; codec.py calls it when msgpack has given up. It reads at most 24 bytes and never fails.
"""

from devices.wire.limits import MAX_EPOCH, MAX_SEQ

_WIDTHS = {0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8}


def peek(message: bytes) -> tuple[int, int] | None:
    """Return (epoch, seq) where the message begins as a map with the entries `e` and `s`, else None."""
    if not message:
        return None
    at = 1 if 0x82 <= message[0] <= 0x8F else 3 if message[0] == 0xDE else 5 if message[0] == 0xDF else 0
    epoch = _entry(message, at, b"\xa1e") if at else None
    seq = _entry(message, epoch[1], b"\xa1s") if epoch else None
    if epoch is None or seq is None or not 1 <= epoch[0] <= MAX_EPOCH or not 1 <= seq[0] <= MAX_SEQ:
        return None
    return epoch[0], seq[0]


def _entry(message: bytes, at: int, key: bytes) -> tuple[int, int] | None:
    """Return the unsigned integer under `key` at `at`, and where the next entry begins."""
    begin = at + len(key)
    if message[at:begin] != key or begin >= len(message):
        return None
    first = message[begin]
    if first < 0x80:
        return first, begin + 1
    width = _WIDTHS.get(first, 0)
    end = begin + 1 + width
    if not width or end > len(message):
        return None
    return int.from_bytes(message[begin + 1 : end], "big"), end
