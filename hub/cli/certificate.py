"""Whether a certificate and a key belong together, and until when: found out by a TLS handshake with oneself, in memory.

Owns that handshake; no network. doctor calls it.
"""

import ssl
from pathlib import Path

from hub.client.local import pinned


def certificate_end_s(certificate: Path, key: Path) -> float:
    """Return when the certificate ends, in seconds since 1970. Raises OSError, ssl.SSLError (expired, or not this key)."""
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(certificate, key)
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    client = pinned(certificate).wrap_bio(to_client, to_server)
    waiting = [client, server]
    while waiting:
        side = waiting.pop(0)
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            waiting.append(side)
    said = client.getpeercert() or {}
    return float(ssl.cert_time_to_seconds(str(said["notAfter"])))
