"""One attempt at an e-mail, through the SMTP server that is configured.

Owns the message and the conversation, in a thread of its own limiter. Whether and when it is tried again is outbox.py's.
"""

import smtplib
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from functools import cache
from typing import Any, Final, NamedTuple
from urllib.parse import unquote, urlsplit

import trio

from hub.core.notices import Event, Target
from hub.rules.webhook import MAX_ERROR, Outcome, said_of

_STEP_S: Final = 20.0  # for one answer of the server
_DEADLINE_S: Final = 60.0  # for all of them
_PORTS: Final = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}


class MailServer(NamedTuple):
    """Where e-mail is handed over, and as whom."""

    url: str  # smtp://, smtp+starttls:// or smtps://, perhaps with a user
    password: str
    mail_from: str
    hub_url: str = ""  # for the link in the message


class Mail:
    """Sends notices by e-mail."""

    def __init__(self, server: MailServer) -> None:
        self._server = server
        self._threads = trio.CapacityLimiter(2)

    async def send(self, target: Target, notice: Mapping[str, Any]) -> Outcome:
        """Make one attempt. Cancelled, it may or may not have arrived."""
        message = _message(self._server, target, notice)
        with trio.move_on_after(_DEADLINE_S):
            return await trio.to_thread.run_sync(self._send, message, abandon_on_cancel=True, limiter=self._threads)
        return Outcome(False, error=f"not handed over within {_DEADLINE_S:g} s")

    def _send(self, message: EmailMessage) -> Outcome:
        try:
            with self._connection() as smtp:
                refused = smtp.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            code, said = next(iter(error.recipients.values()))
            return _failed(code, said)
        except smtplib.SMTPResponseException as error:
            return _failed(error.smtp_code, error.smtp_error)
        except (smtplib.SMTPException, OSError, ValueError) as error:
            return Outcome(False, error=said_of(error))
        # Those that took it would get it again: what some of the recipients refused is told, and not sent once more.
        return Outcome(True, 250, f"not for {', '.join(sorted(refused))}"[:MAX_ERROR] if refused else "")

    def _connection(self) -> smtplib.SMTP:
        """Connect, encrypt and log in, as the url says."""
        parts = urlsplit(self._server.url)
        host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
        if parts.scheme == "smtps":
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=_STEP_S, context=_trust())
        else:
            smtp = smtplib.SMTP(host, port, timeout=_STEP_S)
        try:
            if parts.scheme == "smtp+starttls":
                smtp.starttls(context=_trust())
            if parts.username:
                smtp.login(unquote(parts.username), self._server.password)
        except BaseException:
            smtp.close()
            raise
        return smtp


def _failed(code: int, said: bytes | str) -> Outcome:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return Outcome(False, code, f"answered {code} {_printable(text)}"[:MAX_ERROR], 500 <= code < 600)


def _message(server: MailServer, target: Target, notice: Mapping[str, Any]) -> EmailMessage:
    content, message = notice["content"], EmailMessage()
    alert = content.get("alert", {"message": "this is a test", "severity": "test"})
    word = "over" if content["event"] == Event.CLEARED else alert["severity"]
    message["Subject"] = _printable(f"[{word}] {alert['message']}")[:200]
    message["From"] = server.mail_from
    message["To"] = ", ".join(target.to)
    message["Date"] = format_datetime(_time(content["made_us"]))
    message["Message-ID"] = f"<{content['id']}@{server.mail_from.rpartition('@')[2]}>"  # stays, so that a doubled one can be told
    message["Auto-Submitted"] = "auto-generated"
    lines = [_printable(f"{alert['message']}."), ""]
    lines += [
        f"{key}: {_printable(str(alert[key]))}" for key in ("device", "channel", "rule", "severity", "state", "reason") if key in alert
    ]
    lines += [f"{word}: {_time(alert[key]).isoformat()}" for word, key in (("raised", "raised_us"), ("over", "cleared_us")) if key in alert]
    message.set_content("\n".join([*lines, *([f"\n{server.hub_url}"] if server.hub_url else [])]) + "\n")
    return message


def _time(time_us: int) -> datetime:
    return datetime.fromtimestamp(time_us // 1_000_000, UTC)


def _printable(text: str) -> str:
    """Return a text that begins no header line of its own."""
    return "".join(each if each.isprintable() else " " for each in text)


@cache
def _trust() -> ssl.SSLContext:
    return ssl.create_default_context()
