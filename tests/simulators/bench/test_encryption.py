"""A certificate for one run, and what is said where none can be made."""

import ssl
from pathlib import Path

import pytest

from simulators.bench.encryption import client_context, make_certificate, server_context
from simulators.bench.errors import BenchError


@pytest.mark.needs_server("openssl")
def test_both_sides_shake_hands(tmp_path: Path) -> None:
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = server_context(make_certificate(tmp_path)).wrap_bio(to_server, to_client, server_side=True)
    client = client_context().wrap_bio(to_client, to_server)
    waiting = [client, server]
    while waiting:
        side = waiting.pop(0)
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            waiting.append(side)
    assert client.version() == "TLSv1.3"


@pytest.mark.needs_server("openssl")
def test_directory_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="openssl made no certificate"):
        make_certificate(tmp_path / "missing")


def test_missing_openssl_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BenchError, match="no openssl"):
        make_certificate(tmp_path)
