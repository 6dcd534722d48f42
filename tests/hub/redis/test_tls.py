"""A Redis behind TLS, and one whose certificate nobody here trusts."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from hub.ports import StoreUnavailable
from simulators.hub_process import free_port
from tests.support.redis import PROGRAM, connected, running_redis

pytestmark = pytest.mark.needs_server(PROGRAM)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Run a server; give its URL and the certificate of who vouches for it."""
    authority, port = trustme.CA(), free_port()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    certificate.cert_chain_pems[0].write_to_path(str(tmp_path / "chain.pem"))
    files = {"cert": "chain.pem", "key": "key.pem", "ca-cert": "ca.pem"}
    settings = [word for name, file in files.items() for word in (f"--tls-{name}-file", str(tmp_path / file))]
    with running_redis(tmp_path / "redis", "--tls-port", str(port), *settings, "--tls-auth-clients", "no"):
        yield f"rediss://127.0.0.1:{port}/0", tmp_path / "ca.pem"


async def test_it_is_asked_where_its_certificate_is_good(server: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    url, authority = server
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    async with connected(url) as redis:
        assert redis.away is None
        assert await redis.ask(lambda client: client.set(redis.key("asked"), b"1"))


async def test_it_is_not_spoken_to_where_nobody_vouches_for_it(server: tuple[str, Path]) -> None:
    url, _ = server
    async with connected(url) as redis:
        with pytest.raises(StoreUnavailable, match="certificate"):
            await redis.ask(lambda client: client.get(redis.key("asked")))
