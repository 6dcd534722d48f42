"""The limits and close codes of protocol version 1, in one place.

Owns numbers only; docs/protocol.md sections 2 and 9 are the same tables in prose. Everyone may read it.
"""

from enum import IntEnum
from typing import Final

SUBPROTOCOL_DEVICE: Final = "tributary.device.v1"
SUBPROTOCOL_LIVE_JSON: Final = "tributary.live.v1.json"
SUBPROTOCOL_LIVE_MSGPACK: Final = "tributary.live.v1.msgpack"

MAX_MESSAGE_BYTES: Final = 65_536  # what one hub turn may spend on decoding: below 5 ms and 5 MB
MIN_FRAME_BYTES: Final = 1_024  # no hub asks for smaller frames of readings: one of each kind has room in it
MAX_ARRAY: Final = 4_096
MAX_PACK_READINGS: Final = 16_384  # what float32 values without their times fill a message with
MAX_STEP_NS: Final = 10**14  # above a day; 16,384 steps of it fit an int64
MAX_LISTED_REJECTS: Final = 2_048  # of one frame: index and code are 20 bytes at most, and a reject is a message too
MAX_MAP: Final = 256
MAX_DEPTH: Final = 4
MAX_NAME_BYTES: Final = 64
MAX_TEXT_BYTES: Final = 256
MAX_LOG_BYTES: Final = 4_096
MAX_REASON_BYTES: Final = 1_024
MAX_CHANNELS: Final = 1_024
MAX_DOCUMENT_BYTES: Final = 8_192  # desired or reported, each
MAX_DOCUMENT_DEPTH: Final = MAX_DEPTH - 1  # the message map is one more
MAX_UNFINISHED: Final = 64
REUSE_EPOCH_FROM: Final = 16  # so many unfinished epochs make a device continue the newest one
MIN_MESSAGE_BYTES_OF_DEVICE: Final = 1_024
MAX_EPOCH: Final = 2**63 - 1
MAX_SEQ: Final = 2**53 - 1  # exact in a JavaScript number
MAX_FENCE: Final = 2**53 - 1
MAX_FUTURE_S: Final = 86_400
MAX_TIME_US: Final = 2**63 // 1000 - 1  # a point key is t_us * 1000 in an int64

HELLO_TIMEOUT_S: Final = 10.0
HEARTBEAT_S: Final = 20.0
MISSED_HEARTBEATS: Final = 2
ACK_DELAY_S: Final = 0.1
SEND_TIMEOUT_S: Final = 60.0
CLOSE_TIMEOUT_S: Final = 5.0


class CloseCode(IntEnum):
    """Why a connection ended: 4000-4499 come back later, 4500-4999 do not."""

    NORMAL = 1000
    PROTOCOL_ERROR = 1002
    TEXT = 1003
    POLICY = 1008
    TOO_BIG = 1009
    INTERNAL = 1011
    RESTART = 1012
    TAKEN_OVER = 4000
    HEARTBEAT_LOST = 4001
    EPOCH_USED = 4002
    HELLO_TIMEOUT = 4003
    SLOW_READER = 4004
    BAD_FRAME = 4005
    SEQ_JUMP = 4006
    OVER_CREDIT = 4007
    UNKNOWN_EPOCH = 4008
    HUB_FAILING = 4009
    SLOW_VIEWER = 4010
    DISABLED = 4011
    OLD_TOKEN = 4012
    NO_ROOM = 4013
    CONTESTED = 4014
    BAD_HELLO = 4500
    WRONG_DEVICE = 4501
    REVOKED = 4502
    PROTOCOL = 4503
    LOGIN_ENDED = 4504

    @property
    def may_return(self) -> bool:
        """Tell whether a device may come back by itself."""
        return not (self >= 4500 or self in {1002, 1003, 1007, 1008, 1009})
