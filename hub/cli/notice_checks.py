"""What doctor sees of the ways by which people are told of alerts: where webhooks may go, and whether the mail server takes mail.

Owns those checks. A mail server is spoken to up to the sender's address, and is given no message. Changes nothing. checks.py calls them.
"""

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import ip_address, ip_network
from typing import Final
from urllib.parse import unquote, urlsplit

from hub.cli.findings import Finding, Verdict
from hub.config import Settings

_SECRETS: Final = ip_address("169.254.169.254")  # where clouds tell a machine its credentials
_ANSWER_S: Final = 10.0
_PORTS: Final = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}


def webhooks(settings: Settings) -> Iterator[Finding]:
    """Yield where webhooks may go further than is safe: who may write a target could then ask this machine's own services."""
    for name in settings.webhook_allow:
        with suppress(ValueError):
            network = ip_network(name)
            if network.prefixlen == 0:
                found = f"webhook_allow has {name}: webhooks may go anywhere, to this machine's own services as well"
                yield Finding(Verdict.FAIL, "webhook_allow", found, "name the receivers alone")
            elif _SECRETS in network:
                found = f"webhook_allow has {name}, where {_SECRETS} gives a cloud machine's credentials to whoever asks"
                yield Finding(Verdict.FAIL, "webhook_allow", found, "name the receivers alone")


def mail(settings: Settings) -> Iterator[Finding]:
    """Yield how the mail server takes a message up to its sender."""
    if settings.smtp_url is None or settings.mail_from is None:
        return
    parts = urlsplit(settings.smtp_url)
    host = parts.hostname or ""
    try:
        with _logged_in(settings, host, parts.port or _PORTS[parts.scheme], parts.scheme) as smtp:
            code, said = smtp.mail(settings.mail_from)
    except smtplib.SMTPAuthenticationError as error:
        found = f"{host} does not let {unquote(parts.username or '')} in: {error.smtp_code}"
        yield Finding(Verdict.FAIL, "mail", found, "correct the user in smtp_url, or smtp_password")
        return
    except (smtplib.SMTPException, OSError, ValueError) as error:
        yield Finding(Verdict.FAIL, "mail", f"{host} cannot be asked: {error}"[:300], "correct smtp_url, or look at that server")
        return
    if code != 250:
        found = f"{host} takes no mail from {settings.mail_from}: {code} {said.decode('utf-8', 'replace')}"[:300]
        yield Finding(Verdict.FAIL, "mail", found, "set mail_from to an address that is allowed there")
    else:
        yield Finding(Verdict.OK, "mail", f"{host} takes mail from {settings.mail_from}")


def _logged_in(settings: Settings, host: str, port: int, scheme: str) -> smtplib.SMTP:
    if scheme == "smtps":
        smtp: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=_ANSWER_S, context=ssl.create_default_context())
    else:
        smtp = smtplib.SMTP(host, port, timeout=_ANSWER_S)
    try:
        if scheme == "smtp+starttls":
            smtp.starttls(context=ssl.create_default_context())
        smtp.ehlo_or_helo_if_needed()
        if (user := urlsplit(settings.smtp_url or "").username) is not None:
            smtp.login(unquote(user), settings.smtp_password.get_secret_value() if settings.smtp_password else "")
    except BaseException:
        smtp.close()
        raise
    return smtp
