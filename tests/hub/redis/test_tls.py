"""A Redis behind TLS, alone, in a cluster and found by sentinels; and certificates that are no good."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import pytest
import trio
import trustme

from hub.ports import StoreUnavailable
from simulators.hub_process import free_port
from tests.support.redis import PROGRAM, connected, running_cluster, running_redis, said
from tests.support.waiting import wait_until

pytestmark = pytest.mark.needs_server(PROGRAM)


@dataclass
class Tls:
    """What servers are told, and what vouches for them."""

    authority: Path
    settings: list[str]


def tls_in(directory: Path, host: str = "127.0.0.1") -> Tls:
    """Make certificates for a host."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(directory / "ca.pem"))
    certificate = authority.issue_cert(host)
    certificate.private_key_pem.write_to_path(str(directory / "key.pem"))
    certificate.cert_chain_pems[0].write_to_path(str(directory / "chain.pem"))
    files = {"cert": "chain.pem", "key": "key.pem", "ca-cert": "ca.pem"}
    settings = [word for name, file in files.items() for word in (f"--tls-{name}-file", str(directory / file))]
    return Tls(directory / "ca.pem", [*settings, "--tls-auth-clients", "no"])


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tls:
    """Certificates that are trusted here."""
    made = tls_in(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.authority))
    return made


@contextmanager
def running(directory: Path, tls: Tls) -> Iterator[str]:
    """Run a server; give its URL."""
    port = free_port()
    with running_redis(directory / "redis", "--tls-port", str(port), *tls.settings):
        yield f"rediss://127.0.0.1:{port}/0"


async def answers(url: str, said: str = "") -> None:
    """Ask it to keep something, which it does, or not for a reason that is said."""
    async with connected(url) as redis:
        with pytest.raises(StoreUnavailable, match=said) if said else nullcontext():
            await redis.ask(lambda client: client.set(redis.key("asked"), b"1"))


async def test_it_is_asked_where_its_certificate_is_good(tmp_path: Path, tls: Tls) -> None:
    with running(tmp_path, tls) as url:
        await answers(url)


async def test_it_is_not_spoken_to_where_nobody_vouches_for_it(tmp_path: Path) -> None:
    with running(tmp_path, tls_in(tmp_path)) as url:
        await answers(url, "certificate")


async def test_it_is_not_spoken_to_by_a_certificate_of_another_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tls = tls_in(tmp_path, "elsewhere.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(tls.authority))
    with running(tmp_path, tls) as url:
        await answers(url, "certificate")


async def test_servers_that_sentinels_name_are_asked_by_tls_as_are_the_sentinels(tmp_path: Path, tls: Tls) -> None:
    server, sentinel = free_port(), free_port()
    with running_redis(tmp_path / "redis", "--tls-port", str(server), *tls.settings):
        conf = tmp_path / "sentinel.conf"
        conf.write_text(f"sentinel monitor main 127.0.0.1 {server} 1\n")
        told = ("--tls-port", str(sentinel), "--tls-replication", "yes", *tls.settings)
        with running_redis(tmp_path, *told, config=conf) as process:
            wait_until(lambda: b"num-other-sentinels" in said(process.port, "SENTINEL", "MASTERS"))
            with trio.fail_after(30):
                await answers(f"rediss+sentinel://127.0.0.1:{sentinel}/main")


async def test_a_cluster_is_asked_by_tls(tmp_path: Path, tls: Tls) -> None:
    with running_cluster(tmp_path, 2, *tls.settings, is_encrypted=True) as url, trio.fail_after(30):
        assert url.startswith("rediss+cluster://")
        await answers(url)
