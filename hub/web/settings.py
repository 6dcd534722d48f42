"""What the door is told: where it listens, and every limit it keeps, with its unit and its reason.

Owns numbers and paths only. main.py fills it from the configuration; door, head, http and upgrade read it.
"""

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from devices.wire import limits

UPLOADS: Final = frozenset({"/api/v1/import"})  # where a body is a file, which the app takes piece by piece, after it knows who sends it

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class DoorSettings:
    """Where the door listens and what it bears."""

    host: str = "127.0.0.1"
    port: int = 8080  # 0: any free one
    is_shared: bool = False  # other processes serve the same port
    tls_certificate: Path | None = None  # PEM, leaf first; None: plain TCP
    tls_key: Path | None = None
    public_url: str = ""  # where browsers have the hub; empty: where Host says
    allowed_origins: tuple[str, ...] = ()  # scheme://host[:port] of other pages that may open sockets; the hub's own always may
    trusted_proxies: tuple[Network, ...] = ()  # who is believed of whom they speak for
    has_proxy_protocol: bool = False  # a PROXY header may stand before the first byte of theirs
    max_connections: int = 10_000  # beyond it 503 and come back later
    max_strangers: int = 2_000  # connections on which no good token of a socket came, in all
    max_strangers_per_address: int = 200
    max_connects_per_s: int = 100  # from one address, and ten seconds' worth at once
    max_requests_per_s: int = 100  # the same, of requests
    exempt_addresses: tuple[Network, ...] = (ip_network("127.0.0.0/8"), ip_network("::1/128"))  # from limits of one address
    max_small_frames_per_s: int = 100  # of one WebSocket: pings, pongs, fragments; and ten seconds' worth at once
    max_head_bytes: int = 8_192
    head_timeout_s: float = 5.0  # also the limit of a TLS handshake, and of the first byte of a new connection
    idle_timeout_s: float = 60.0  # between two requests of one connection
    max_body_bytes: int = 1_048_576
    body_timeout_s: float = 30.0  # in all; of an upload: without progress
    max_upload_bytes: int = 4 << 30  # on the paths of UPLOADS
    max_message_bytes: int = limits.MAX_MESSAGE_BYTES
    heartbeat_s: float = limits.HEARTBEAT_S
    send_timeout_s: float = limits.SEND_TIMEOUT_S  # without progress
    close_timeout_s: float = limits.CLOSE_TIMEOUT_S
    linger_s: float = 1.0  # how long what we said last may take to be read, before the stream is closed under it
    leave_grace_s: float = 5.0  # how long the app may go on after its client has left
    retry_after_s: int = 5  # what a client hears when there is no room

    @property
    def base_path(self) -> str:
        """The path that the hub's own paths stand below, outside; empty or /hub."""
        return urlsplit(self.public_url).path
