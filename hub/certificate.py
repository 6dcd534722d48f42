"""Whether a certificate and a key belong together, and until when: found out by a TLS handshake with oneself, in memory.

Owns that handshake; no network. doctor asks it, and the door, which takes renewed certificates.
"""

import ssl
from pathlib import Path


def certificate_end_s(certificate: Path, key: Path | None) -> float:
    """Return when the certificate ends, in seconds since 1970. Raises OSError, ssl.SSLError (expired, not valid yet, or not this key)."""
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(certificate, key)
    client_context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client_context.load_verify_locations(certificate)
    client_context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    client_context.check_hostname = False
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    client = client_context.wrap_bio(to_client, to_server)
    waiting = [client, server]
    while waiting:
        side = waiting.pop(0)
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            waiting.append(side)
    said = client.getpeercert() or {}
    return float(ssl.cert_time_to_seconds(str(said["notAfter"])))
