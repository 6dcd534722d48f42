"""Ways from outside that are wrong: proxies that are trusted too much, public addresses where somebody else answers."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme

from hub.cli.findings import Finding, Verdict
from hub.cli.proxy_checks import is_name_of, public_address, public_answer, trusted
from hub.config import load_settings
from tests.support.hub_process import running_hub


def settings(tmp_path: Path, **given: Any) -> Any:
    return load_settings(data_dir=tmp_path, **given)


def only(findings: Iterable[Finding]) -> Finding:
    (finding,) = findings
    return finding


@pytest.mark.parametrize(
    ("given", "verdict"),
    [
        ({"trusted_proxies": "0.0.0.0/0"}, Verdict.FAIL),
        ({"trusted_proxies": "::/0"}, Verdict.FAIL),
        ({"trusted_proxies": "11.0.0.0/8"}, Verdict.WARN),
        ({"proxy_protocol": True}, Verdict.FAIL),
        ({"public_url": "https://dash.example.com"}, Verdict.WARN),
    ],
)
def test_what_is_believed_of_proxies_is_judged(tmp_path: Path, given: dict[str, Any], verdict: Verdict) -> None:
    finding = only(trusted(settings(tmp_path, **given)))
    assert (finding.verdict, finding.what, bool(finding.advice)) == (verdict, "trusted_proxies", True)


@pytest.mark.parametrize("networks", ["", "127.0.0.1", "10.0.0.0/8,fd00::/8", "198.51.100.0/28"])
def test_ones_own_proxies_are_fine(tmp_path: Path, networks: str) -> None:
    assert list(trusted(settings(tmp_path, trusted_proxies=networks))) == []


def test_a_public_address_in_the_clear_is_warned_of(tmp_path: Path) -> None:
    assert only(public_address(settings(tmp_path, public_url="http://dash.example.com"))).verdict == Verdict.WARN
    assert list(public_address(settings(tmp_path, public_url="http://127.0.0.1:8080"))) == []
    assert list(public_address(settings(tmp_path))) == []


def test_a_certificate_for_another_name_is_told(tmp_path: Path) -> None:
    issued, pem = trustme.CA().issue_cert("127.0.0.1", "*.example.org"), tmp_path / "both.pem"
    issued.private_key_and_cert_chain_pem.write_to_path(str(pem))
    given = {"tls_certificate": pem, "tls_key": pem}
    finding = only(public_address(settings(tmp_path, public_url="https://dash.example.com", **given)))
    assert finding.verdict == Verdict.FAIL
    assert "dash.example.com" in finding.found
    for host in ("127.0.0.1", "dash.example.org"):
        assert list(public_address(settings(tmp_path, public_url=f"https://{host}", **given))) == []


@pytest.mark.parametrize(
    ("host", "name", "is_it"),
    [
        ("a.example", "A.example", True),
        ("x.a.example", "*.a.example", True),
        ("a.example", "*.a.example", False),
        ("y.x.a.example", "*.a.example", False),
    ],
)
def test_a_star_stands_for_one_word(host: str, name: str, *, is_it: bool) -> None:
    assert is_name_of(host, name) is is_it


@contextmanager
def somebody_else(status: int, **headers: str) -> Iterator[str]:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            for name, value in {"Content-Length": "0", **headers}.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


async def test_somebody_else_at_the_public_address_is_told(tmp_path: Path) -> None:
    with somebody_else(200) as url:
        assert only(await public_answer(settings(tmp_path, public_url=url))).verdict == Verdict.FAIL
    with somebody_else(301, Location="https://elsewhere.example/") as url:
        finding = only(await public_answer(settings(tmp_path, public_url=url)))
        assert finding.verdict == Verdict.WARN
        assert "https://elsewhere.example/" in finding.found
    finding = only(await public_answer(settings(tmp_path, public_url=url)))
    assert finding.verdict == Verdict.WARN
    assert "nothing answers" in finding.found
    assert await public_answer(settings(tmp_path)) == []


async def test_a_hub_at_the_public_address_is_known(tmp_path: Path) -> None:
    with running_hub(tmp_path / "data") as hub:
        assert only(await public_answer(settings(tmp_path, public_url=hub.url))).verdict == Verdict.OK
