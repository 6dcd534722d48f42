"""What doctor says of this machine and these settings."""

import os
import socket
from pathlib import Path

import pytest

from hub.cli.checks import check_all, disk_finding
from hub.cli.findings import Finding, Verdict


@pytest.fixture(autouse=True)
def _free_port(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in [name for name in os.environ if name.startswith("TRIBUTARY_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("TRIBUTARY_PORT", "0")


def findings_of(data_dir: Path) -> dict[str, Finding]:
    return {finding.what: finding for finding in check_all(None, data_dir)}


def test_nothing_fails_before_the_first_start(tmp_path: Path) -> None:
    found = findings_of(tmp_path / "data")
    assert [finding for finding in found.values() if finding.verdict == Verdict.FAIL] == []
    assert not (tmp_path / "data").exists()


def test_wrong_setting_is_all_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIBUTARY_PORT", "x")
    (finding,) = check_all(None, tmp_path)
    assert (finding.verdict, finding.what) == (Verdict.FAIL, "settings")
    assert "TRIBUTARY_PORT" in finding.found


def test_taken_port_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        monkeypatch.setenv("TRIBUTARY_PORT", str(port))
        finding = findings_of(tmp_path)["port"]
    assert finding.verdict == Verdict.FAIL
    assert str(port) in finding.found


def test_open_network_without_tls_is_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIBUTARY_HOST", "0.0.0.0")
    assert findings_of(tmp_path)["tls"].verdict == Verdict.WARN


@pytest.mark.parametrize(
    ("free_bytes", "verdict"), [(1_999_999_999, Verdict.FAIL), (2_000_000_000, Verdict.WARN), (4_000_000_000, Verdict.OK)]
)
def test_little_space_is_told_with_the_bound(free_bytes: int, verdict: Verdict) -> None:
    finding = disk_finding(free_bytes, 10**12, 2_000_000_000)
    assert finding.verdict == verdict
    assert f"{free_bytes:,}" in finding.found


def test_bound_is_at_most_a_tenth_of_a_small_disk() -> None:
    assert disk_finding(9_999_999, 100_000_000, 2_000_000_000).verdict == Verdict.FAIL
    assert disk_finding(20_000_000, 100_000_000, 2_000_000_000).verdict == Verdict.OK


def test_credential_that_others_may_read_is_told(tmp_path: Path) -> None:
    token = tmp_path / "admin.token"
    token.write_text("secret")
    token.chmod(0o644)
    assert findings_of(tmp_path)["credentials"].verdict == Verdict.FAIL
    token.chmod(0o600)
    assert findings_of(tmp_path)["credentials"].verdict == Verdict.OK


def test_missing_certificate_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIBUTARY_TLS_CERTIFICATE", str(tmp_path / "none.pem"))
    monkeypatch.setenv("TRIBUTARY_TLS_KEY", str(tmp_path / "none.key"))
    finding = findings_of(tmp_path)["tls"]
    assert finding.verdict == Verdict.FAIL
    assert "none.pem" in finding.found
