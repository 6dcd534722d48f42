"""The desk of rules: what people change of rules and alerts, and what they see of them.

Owns the checks against what is there now; judging.py, which it is built on, owns how it is kept. web/rules.py calls it.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, Final

from devices.wire.fields import shown
from hub.core.errors import Refusal
from hub.core.rules import Rule, checked_name, rule_in
from hub.core.rules_alerts import acknowledged, is_over
from hub.ports import Audited, StoreUnavailable
from hub.rules.book import ALERT, RULE, Bodies
from hub.rules.judging import Judging

MAX_RULES: Final = 500
_WEEK_US: Final = 7 * 86_400_000_000


class RuleDesk(Judging):
    """All rules of this hub and their alerts. Every call raises StoreUnavailable, with nothing done, while the state store is away."""

    def rules(self) -> list[dict[str, Any]]:
        """Return all rules by name, each with how often it `fired`, as far as its alerts are kept."""
        fired: dict[str, dict[str, Any]] = {name: {"open": 0, "week": 0, "last_us": None} for name in self._book.rules()}
        since_us = self._now() - _WEEK_US
        for alert in self._book.alerts():  # oldest first
            if (counts := fired.get(alert["rule"])) is not None:
                counts["open"] += not is_over(alert)
                counts["week"] += alert["raised_us"] >= since_us
                counts["last_us"] = alert["raised_us"]
        return [self.rule(name) | {"fired": counts} for name, counts in fired.items()]

    def rule(self, name: str) -> dict[str, Any]:
        """Return one rule with its version. Raises Refusal."""
        found = self._book.rule(name)
        if found is None:
            raise Refusal("no_rule", f"no rule is called {shown(name)}", "see: tributary rule list", 404)
        return {"rule": name, "version": found[1], **found[0].body()}

    async def put_rule(self, name: str, body: Mapping[str, Any], version: int | None, who: str) -> dict[str, Any]:
        """Make a rule (version None), or replace the version that is named; its alerts are over then. Raises Refusal."""
        rule = rule_in(checked_name(name), body)

        def make() -> Bodies:
            self._check_put(rule, version)
            return self._over("the rule was changed", lambda alert: alert["rule"] == name) | {(RULE, name): rule.body()}

        async with self._changing:
            self._check_current()
            self._check_put(rule, version)
            await self._keep_all()  # a crash has the new rule judge nothing of before it
            audit = Audited(self._now(), who, "create rule" if version is None else "edit rule", f"rule {name}", rule.body())
            await self._keep(make, [audit])
            self._courses.set_out(name, self._lived_s)
            self._rules_are_other()
        return self.rule(name)

    def _check_put(self, rule: Rule, version: int | None) -> None:
        known = self._book.rule(rule.name)
        if version is None and known is not None:
            raise Refusal("exists", f"there is a rule {rule.name}", "edit it, or choose another name", 409)
        if version is not None and version != self.rule(rule.name)["version"]:
            now = self.rule(rule.name)
            said = f"rule {rule.name} is at version {now['version']}, not {version}: it is {now}, you sent {rule.body()}"
            raise Refusal("conflict", said, "read the rule again, then edit what it is now", 409)
        if known is None and len(self._book.rules()) >= MAX_RULES:
            raise Refusal("too_many_rules", f"there are {MAX_RULES} rules, which is the limit", "delete one first", 409)

    async def delete_rule(self, name: str, who: str) -> None:
        """Delete a rule; its alerts are over. Raises Refusal."""

        def make() -> Bodies:
            self.rule(name)
            return self._over("the rule was deleted", lambda alert: alert["rule"] == name) | {(RULE, name): None}

        async with self._changing:
            self._check_current()
            await self._keep(make, [Audited(self._now(), who, "delete rule", f"rule {name}", {})])
            self._courses.drop(name)
            with suppress(StoreUnavailable):  # the rule is deleted; it is tried again with what comes
                await self._keep_all()  # of a rule that gets its name nothing older is known

    async def acknowledge(self, id_: str, who: str) -> dict[str, Any]:
        """Note that somebody has seen an alert. Raises Refusal."""
        seen, refused = await self.acknowledge_all([id_], who)
        if refused:
            raise refused[id_]
        return seen[0]

    async def acknowledge_all(self, ids: Iterable[str], who: str) -> tuple[list[dict[str, Any]], dict[str, Refusal]]:
        """Note that somebody has seen these alerts, all in one transaction; return them, and why others of them are left as they are."""
        wanted, now_us = list(dict.fromkeys(ids)), self._now()
        refused: dict[str, Refusal] = {}
        seen: Bodies = {}
        audited: list[Audited] = []

        def make() -> Bodies:
            refused.clear()
            seen.clear()
            for id_ in wanted:
                try:
                    seen[ALERT, id_] = acknowledged(self.alert(id_), who, now_us)
                except Refusal as refusal:
                    refused[id_] = refusal
            audited[:] = [_seen(body, who, now_us) for body in seen.values() if body is not None]
            return dict(seen)

        async with self._changing:
            self._check_current()
            await self._keep(make, audited)
        return [self.alert(id_) for _, id_ in seen], refused

    def alert(self, id_: str) -> dict[str, Any]:
        """Return one alert. Raises Refusal."""
        found = self._book.alert(id_)
        if found is None:
            raise Refusal("no_alert", f"no alert has the id {shown(id_)}", "see: GET /api/v1/alerts", 404)
        return found

    def alerts(self) -> list[dict[str, Any]]:
        """Return all alerts, newest first."""
        return self._book.alerts()[::-1]


def _seen(alert: Mapping[str, Any], who: str, now_us: int) -> Audited:
    return Audited(now_us, who, "acknowledge alert", f"alert {alert['id']}", {"rule": alert["rule"]})
