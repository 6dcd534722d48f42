"""`tributary serve` where it cannot: thirty ways to start wrong, each with one line that says what, where and what to do, and no traceback.

With tests/e2e/test_bad_start.py, which has what takes a second program. Nothing here listens for longer than it takes to find out.
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import trustme

from hub.datadir import DataDir
from tests.support.command_line import CommandLine
from tests.support.older_hubs import left_by

USAGE, FAILED = 2, 1
Prepare = Callable[[Path], dict[str, str]]  # makes a place and returns the settings that name it


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(tmp_path / "data", monkeypatch, capsys)


def refused(run: CommandLine, *arguments: str, code: int = USAGE) -> str:
    """Run serve, which must end by itself, and return its one line."""
    done = run("serve", *arguments)
    said = [line for line in done.err.splitlines() if not line.startswith("data directory: ")]
    assert done.code == code, done
    assert "Traceback" not in done.err + done.out
    assert "ready" not in done.out
    assert len(said) == 1, said
    assert said[0].startswith("error: ")
    assert "; " in said[0], "what to do is not said"
    return said[0]


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("TRIBUTARY_PORT", "eighty", ["port", "TRIBUTARY_PORT"]),
        ("TRIBUTARY_PORT", "70000", ["port", "65535"]),
        ("TRIBUTARY_HSOT", "0.0.0.0", ["TRIBUTARY_HSOT"]),
        ("TRIBUTARY_LOG_LEVEL", "loud", ["log_level"]),
        ("TRIBUTARY_DATA_DIR", "", ["data_dir"]),
        ("TRIBUTARY_JOURNAL_MAX_BYTES", "1kB", ["journal_max_bytes", "16000000"]),
        ("TRIBUTARY_ALLOWED_ORIGINS", "dash.example/page", ["allowed_origins"]),
        ("TRIBUTARY_PUBLIC_URL", "ftp://hub.example", ["public_url"]),
        ("TRIBUTARY_TRUSTED_PROXIES", "nobody", ["trusted_proxies"]),
        ("TRIBUTARY_TLS_CERTIFICATE", "/nowhere/hub.pem", ["tls"]),
        ("TRIBUTARY_SMTP_URL", "smtp://me@mail.example", ["smtp_url", "smtp+starttls"]),
        ("TRIBUTARY_STORE", "file:///etc/passwd", ["store"]),
        ("TRIBUTARY_STORE", "gopher://127.0.0.1/", ["store"]),
        ("TRIBUTARY_STORE", "influxdb", ["store"]),
        ("TRIBUTARY_STATE", "paper", ["state"]),
        ("TRIBUTARY_STATE", "redis", ["redis_url"]),
        ("TRIBUTARY_REDIS_URL", "file:///etc/passwd", ["redis_url"]),
        ("TRIBUTARY_STORE_TOKEN_FILE", "/nowhere/token", ["STORE_TOKEN_FILE", "/nowhere/token"]),
        ("TRIBUTARY_CONFIG", "/nowhere/hub.toml", ["/nowhere/hub.toml"]),
        ("TRIBUTARY_WEBHOOK_ALLOW", "10.0.0.0/99", ["webhook_allow"]),
    ],
)
def test_a_wrong_setting_is_named_with_where_it_stands(
    run: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, words: list[str]
) -> None:
    monkeypatch.setenv(variable, value)
    said = refused(run)
    assert [word for word in words if word not in said] == [], said
    assert variable == "TRIBUTARY_STORE" or not (tmp_path / "data").exists()  # a store is looked at by the hub itself


def _certificate(folder: Path, *, key_of_another: bool = False) -> dict[str, str]:
    """Write a certificate and a key, and return the settings that name them."""
    authority = trustme.CA()
    made, other = authority.issue_cert("hub.example"), authority.issue_cert("hub.example")
    made.cert_chain_pems[0].write_to_path(folder / "hub.pem")
    (other if key_of_another else made).private_key_pem.write_to_path(folder / "hub.key")
    return {"TRIBUTARY_TLS_CERTIFICATE": str(folder / "hub.pem"), "TRIBUTARY_TLS_KEY": str(folder / "hub.key")}


def key_of_another_certificate(folder: Path) -> dict[str, str]:
    return _certificate(folder, key_of_another=True)


def certificate_that_is_none(folder: Path) -> dict[str, str]:
    settings = _certificate(folder)
    (folder / "hub.pem").write_text("nothing")
    return settings


def certificate_without_its_key(folder: Path) -> dict[str, str]:
    settings = _certificate(folder)
    (folder / "hub.key").unlink()
    return settings


def address_of_another_machine(folder: Path) -> dict[str, str]:
    return {"TRIBUTARY_HOST": "192.0.2.1"}


def name_of_no_machine(folder: Path) -> dict[str, str]:
    return {"TRIBUTARY_HOST": "no such host.invalid"}


def file_that_is_no_toml(folder: Path) -> dict[str, str]:
    (folder / "hub.toml").write_text("port: 8080")
    return {"TRIBUTARY_CONFIG": str(folder / "hub.toml")}


def file_with_a_setting_that_there_is_not(folder: Path) -> dict[str, str]:
    (folder / "hub.toml").write_text("prot = 8080")
    return {"TRIBUTARY_CONFIG": str(folder / "hub.toml")}


def directory_that_is_a_file(folder: Path) -> dict[str, str]:
    (folder / "data").write_text("no directory")
    return {}


def directory_whose_format_is_no_number(folder: Path) -> dict[str, str]:
    (folder / "data").mkdir()
    (folder / "data" / "format").write_text("one")
    return {}


def directory_of_a_newer_hub(folder: Path) -> dict[str, str]:
    with DataDir(folder / "data") as data:
        data.format.write_text("99\n")
    return {}


def directory_that_was_not_restored_to_the_end(folder: Path) -> dict[str, str]:
    with DataDir(folder / "data") as data:
        data.restoring.touch()
    return {}


def state_of_a_newer_hub(folder: Path) -> dict[str, str]:
    left_by(6, folder / "data")
    with closing(sqlite3.connect(folder / "data" / "state.db", isolation_level=None)) as file:
        file.execute("PRAGMA user_version = 99")
    return {}


def state_that_is_no_database(folder: Path) -> dict[str, str]:
    left_by(6, folder / "data")
    (folder / "data" / "state.db").write_bytes(b"no database " * 1_000)
    return {}


def several_workers_on_one_directory(folder: Path) -> dict[str, str]:
    return {"TRIBUTARY_WORKERS": "3"}


@pytest.mark.parametrize(
    ("prepare", "code", "words"),
    [
        (key_of_another_certificate, USAGE, ["hub.pem", "hub.key"]),
        (certificate_that_is_none, USAGE, ["hub.pem"]),
        (certificate_without_its_key, USAGE, ["hub.key"]),
        (address_of_another_machine, FAILED, ["192.0.2.1", "0.0.0.0"]),
        (name_of_no_machine, FAILED, ["host"]),
        (file_that_is_no_toml, USAGE, ["hub.toml"]),
        (file_with_a_setting_that_there_is_not, USAGE, ["hub.toml", "prot"]),
        (directory_that_is_a_file, FAILED, ["data"]),
        (directory_whose_format_is_no_number, FAILED, ["format", "backup"]),
        (directory_of_a_newer_hub, FAILED, ["99", "newer hub"]),
        (directory_that_was_not_restored_to_the_end, FAILED, ["restore"]),
        (state_of_a_newer_hub, FAILED, ["99", "state.db"]),
        (state_that_is_no_database, FAILED, ["state.db"]),
        (several_workers_on_one_directory, USAGE, ["workers", "redis"]),
    ],
)
def test_a_place_that_cannot_be_used_is_named_with_what_to_do(
    run: CommandLine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    prepare: Callable[[Path], dict[str, str]],
    code: int,
    words: list[str],
) -> None:
    for name, value in prepare(tmp_path).items():
        monkeypatch.setenv(name, value)
    said = refused(run, code=code)
    assert [word for word in words if word.lower() not in said.lower()] == [], said
