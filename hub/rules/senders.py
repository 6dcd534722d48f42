"""Who sends a notice: by its target's kind.

Owns the choice, and what must be configured for a kind. outbox.py and targets.py call it.
"""

from collections.abc import Mapping
from typing import Any

from hub.core.errors import Refusal
from hub.core.notices import Target, TargetKind
from hub.rules.mail import Mail
from hub.rules.webhook import Outcome, Webhooks, check_url


class Senders:
    """The ways in which notices go."""

    def __init__(self, webhooks: Webhooks, mail: Mail | None) -> None:
        self._webhooks = webhooks
        self._mail = mail

    def check(self, target: Target) -> None:
        """Check that a target can be reached from here, as far as that goes without sending. Raises Refusal."""
        if target.kind is TargetKind.WEBHOOK:
            check_url(target.url, self._webhooks.allowed)
        elif self._mail is None:
            raise Refusal(
                "no_mail", "this hub sends no e-mail: smtp_url and mail_from are not set", "set them and start the hub again", 409
            )

    async def send(self, target: Target, notice: Mapping[str, Any]) -> Outcome:
        """Make one attempt."""
        if target.kind is TargetKind.WEBHOOK:
            return await self._webhooks.send(target, notice)
        if self._mail is None:
            return Outcome(False, error="this hub sends no e-mail: smtp_url and mail_from are not set")
        return await self._mail.send(target, notice)
