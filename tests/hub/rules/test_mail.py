"""One attempt at an e-mail, at a real mail server: plain, by STARTTLS and TLS, with a login; refusals in its own words."""

import ssl
from typing import Any

import pytest
import trustme

from hub.core.errors import Refusal
from hub.core.notices import Event, Target, TargetKind, notice
from hub.rules.addresses import allowed_in
from hub.rules.mail import Mail
from hub.rules.mail import MailServer as Configured
from hub.rules.senders import Senders
from hub.rules.webhook import Outcome, Webhooks
from tests.support.mail_server import MailServer, running

NOW_US = 1_700_000_000_000_000
ALERT: dict[str, Any] = {
    **{"id": "a1", "rule": "hot", "severity": "critical", "state": "open", "device": "pump", "channel": "temp"},
    **{"message": "pump temp is 81, above 80", "raised_us": NOW_US},
}
TARGET = Target("night", TargetKind.EMAIL, to=("ann@example.com", "bob@example.com"))


def mail(server: MailServer, scheme: str = "smtp", user: str = "", host: str = "127.0.0.1") -> Mail:
    return Mail(Configured(f"{scheme}://{user}{host}:{server.port}", "pass word", "hub@example.org", "https://hub.example"))


def opened(**changes: Any) -> dict[str, Any]:
    return notice("night", Event.OPENED, ALERT | changes, 1, NOW_US, 60.0)


async def test_an_alert_is_told_to_each_recipient_in_one_message() -> None:
    async with running(MailServer()) as server:
        told = opened()
        assert await mail(server).send(TARGET, told) == Outcome(True, 250)
        ((sender, recipients, message),) = server.taken
        assert (sender, recipients) == ("hub@example.org", ["ann@example.com", "bob@example.com"])
        assert message["Subject"] == "[critical] pump temp is 81, above 80"
        assert message["Message-ID"] == f"<{told['id']}@example.org>"
        assert message["Auto-Submitted"] == "auto-generated"
        body = message.get_content()
        assert "rule: hot" in body
        assert "raised: 2023-11-14T22:13:20+00:00" in body
        assert "https://hub.example" in body
        over = notice("night", Event.CLEARED, ALERT | {"state": "cleared", "cleared_us": NOW_US, "reason": "fine"}, 2, NOW_US, 60.0)
        await mail(server).send(TARGET, over)
        assert server.taken[1][2]["Subject"] == "[over] pump temp is 81, above 80"
        assert (await mail(server).send(TARGET, notice("night", Event.TEST, None, 3, NOW_US, 0.0))).is_delivered


async def test_a_text_of_a_device_makes_no_header() -> None:
    async with running(MailServer()) as server:
        said = "pump says x\r\nBcc: eve@example.com\r\n\r\n.\r\nMAIL FROM:<x>\u2028é\x00"
        assert (await mail(server).send(TARGET, opened(message=said))).is_delivered
        ((_, recipients, message),) = server.taken
        assert message["Bcc"] is None
        assert recipients == ["ann@example.com", "bob@example.com"]
        assert message["Subject"].split() == ["[critical]", "pump", "says", "x", "Bcc:", "eve@example.com", ".", "MAIL", "FROM:<x>", "é"]


@pytest.mark.parametrize("scheme", ["smtp+starttls", "smtps"])
async def test_a_login_goes_over_an_encrypted_connection_whose_certificate_is_checked(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = trustme.CA()
    trust, context = ssl.create_default_context(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    monkeypatch.setattr("hub.rules.mail._trust", lambda: trust)
    async with running(MailServer(tls=context, is_tls_from_the_start=scheme == "smtps")) as server:
        sender = mail(server, scheme, "ann%40example.org@", "localhost")
        assert "verify failed" in (await sender.send(TARGET, opened())).error
        authority.configure_trust(trust)
        assert (await sender.send(TARGET, opened())).is_delivered
        assert server.users == [("ann@example.org", "pass word")]
        server.answers["AUTH"] = "535 wrong password"
        assert await sender.send(TARGET, opened()) == Outcome(False, 535, "answered 535 wrong password", True)


@pytest.mark.parametrize(
    ("answers", "outcome"),
    [
        ({"MAIL": "451 try later"}, Outcome(False, 451, "answered 451 try later", False)),
        ({"MAIL": "550 not you"}, Outcome(False, 550, "answered 550 not you", True)),
        ({"RCPT": "450 busy"}, Outcome(False, 450, "answered 450 busy", False)),
        ({"RCPT": "550 nobody"}, Outcome(False, 550, "answered 550 nobody", True)),
        ({"RCPT TO:<bob": "550 nobody"}, Outcome(True, 250, "not for bob@example.com")),
        ({"DATA": "554 no"}, Outcome(False, 554, "answered 554 no", True)),
    ],
)
async def test_a_refusal_is_told_in_the_servers_words(answers: dict[str, str], outcome: Outcome) -> None:
    async with running(MailServer(answers=answers)) as server:
        assert await mail(server).send(TARGET, opened()) == outcome


async def test_a_server_that_is_away_or_no_mail_server_is_an_error() -> None:
    assert "refused" in (await mail(MailServer(port=9)).send(TARGET, opened())).error
    async with running(MailServer(answers={"EHLO": "nonsense", "HELO": "nonsense"})) as server:
        outcome = await mail(server).send(TARGET, opened())
        assert not outcome.is_delivered
        assert outcome.error


async def test_a_hub_without_a_mail_server_takes_no_target_for_e_mail() -> None:
    senders = Senders(Webhooks(allowed_in(()), lambda: NOW_US), None)
    with pytest.raises(Refusal, match="smtp_url and mail_from are not set"):
        senders.check(TARGET)
    assert "not set" in (await senders.send(TARGET, opened())).error  # configured once, and no more
