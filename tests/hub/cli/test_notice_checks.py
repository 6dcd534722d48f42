"""Ways by which nobody would hear of an alert, or the wrong one would: each with a real mail server, or none."""

import ssl
from pathlib import Path
from typing import Any

import pytest
import trio
import trustme

from hub.cli.findings import Finding, Verdict
from hub.cli.notice_checks import mail, webhooks
from hub.config import load_settings
from tests.support.mail_server import MailServer, running

SENDER = "hub@example.com"


def settings(tmp_path: Path, **given: Any) -> Any:
    return load_settings(data_dir=tmp_path, **given)


async def said_of(server: MailServer, tmp_path: Path, scheme: str = "smtp", **given: Any) -> Finding:
    async with running(server):
        user = "ann@" if scheme != "smtp" else ""
        given = {"smtp_url": f"{scheme}://{user}127.0.0.1:{server.port}", "mail_from": SENDER} | given
        (finding,) = await trio.to_thread.run_sync(lambda: list(mail(settings(tmp_path, **given))))
    assert server.taken == []
    return finding


@pytest.mark.parametrize(
    ("name", "verdicts"),
    [
        ("0.0.0.0/0", [Verdict.FAIL]),
        ("::/0", [Verdict.FAIL]),
        ("169.254.0.0/16", [Verdict.FAIL]),
        ("10.1.0.0/16", []),
        ("hooks.internal", []),
    ],
)
def test_webhooks_that_may_go_anywhere_are_told(tmp_path: Path, name: str, verdicts: list[Verdict]) -> None:
    findings = list(webhooks(settings(tmp_path, webhook_allow=name)))
    assert [finding.verdict for finding in findings] == verdicts
    assert all(finding.advice and name in finding.found for finding in findings)


async def test_a_server_that_takes_mail_is_given_none(tmp_path: Path) -> None:
    assert (await said_of(MailServer(), tmp_path)).verdict == Verdict.OK


async def test_a_sender_that_is_not_allowed_is_told_with_the_servers_words(tmp_path: Path) -> None:
    finding = await said_of(MailServer({"MAIL FROM": "550 not from you"}), tmp_path)
    assert finding.verdict == Verdict.FAIL
    assert f"{SENDER}: 550 not from you" in finding.found


async def test_a_wrong_password_is_told_with_the_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority, tls = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    good = await said_of(MailServer(tls=tls), tmp_path, "smtp+starttls", smtp_password="right")
    assert good.verdict == Verdict.OK
    bad = await said_of(MailServer({"AUTH": "535 no"}, tls, is_tls_from_the_start=True), tmp_path, "smtps", smtp_password="wrong")
    assert (bad.verdict, bad.advice) == (Verdict.FAIL, "correct the user in smtp_url, or smtp_password")
    monkeypatch.delenv("SSL_CERT_FILE")
    strange = await said_of(MailServer(tls=tls), tmp_path, "smtp+starttls")
    assert "CERTIFICATE_VERIFY_FAILED" in strange.found


def test_a_server_that_is_not_there_is_told_and_none_is_asked_where_none_is_set(tmp_path: Path) -> None:
    (finding,) = mail(settings(tmp_path, smtp_url="smtp://127.0.0.1:1", mail_from=SENDER))
    assert (finding.verdict, "cannot be asked" in finding.found) == (Verdict.FAIL, True)
    assert list(mail(settings(tmp_path))) == []
