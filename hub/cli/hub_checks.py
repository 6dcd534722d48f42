"""What doctor asks a hub that runs: whether it is well, who may log in, which tokens end, what its process may open.

Owns those questions, each with the administrator's credential over this machine's own port. checks.py calls it.
"""

import re
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from hub.cli.findings import Finding, Verdict
from hub.cli.proxy_checks import public_answer
from hub.cli.store_checks import check_state
from hub.client import HubClient, HubError
from hub.client.accounts import tokens, users
from hub.client.local import LocalHub
from hub.config import Settings
from hub.web.listening import FILES_BESIDE_SOCKETS

_SOON_S: Final = 14 * 86_400


async def check_hub(settings: Settings, running: LocalHub) -> list[Finding]:
    """Return what a running hub says."""
    try:
        async with HubClient.local(settings.data_dir) as client:
            before_us = time.time_ns() // 1000
            said, reasons = await client.hub(), await client.ready()
            skew_s = abs(said["time_us"] - before_us) / 1e6
            people = [*_users(await users(client)), *ending_tokens(await tokens(client), before_us)]
    except HubError as error:
        return [Finding(Verdict.FAIL, "hub", f"process {running.pid} does not answer: {error.message}", error.hint or "look at its log")]
    findings = [Finding(Verdict.OK, "hub", f"version {said['version']} runs at {running.url} (process {running.pid})")]
    if skew_s > 2:
        findings.append(Finding(Verdict.WARN, "hub clock", f"{skew_s:.1f} s off this command's", "look for a jumping clock"))
    for reason in reasons:
        findings.append(Finding(Verdict.FAIL, "hub", reason, "see docs/operating.md: When something is wrong"))
    process = open_files(Path(f"/proc/{running.pid}/limits"), settings.max_connections)
    return [*findings, *process, *people, *check_state(settings), *await public_answer(settings)]


def _users(known: Iterable[Mapping[str, Any]]) -> Iterator[Finding]:
    roles = [each["role"] for each in known]
    if "admin" not in roles:
        found = "no user is an administrator: only login links and admin.token let somebody manage this hub"
        yield Finding(Verdict.WARN, "users", found, "tributary user add NAME --role admin")
    else:
        yield Finding(Verdict.OK, "users", f"{len(roles):,}, of whom {roles.count('admin'):,} administrate")


def ending_tokens(known: Iterable[Mapping[str, Any]], now_us: int) -> Iterator[Finding]:
    """Yield a finding for each API token that is over, or soon will be."""
    for each in known:
        left_s = (each["expires_us"] - now_us) / 1e6
        cure = f"make another: tributary token add, then tributary token revoke {each['name']}"
        if left_s <= 0:
            yield Finding(Verdict.WARN, "tokens", f"API token {each['name']} ended {-left_s / 86_400:.1f} days ago", cure)
        elif left_s < _SOON_S:
            yield Finding(Verdict.WARN, "tokens", f"API token {each['name']} ends in {left_s / 86_400:.1f} days", cure)


def open_files(limits: Path, max_connections: int) -> Iterator[Finding]:
    """Yield where the hub's process may open fewer files than max_connections needs. A system that does not say is left alone."""
    try:
        match = re.search(r"^Max open files\s+(\d+)", limits.read_text(), re.MULTILINE)
    except OSError:
        return
    needed = max_connections + FILES_BESIDE_SOCKETS
    if match is not None and int(match[1]) < needed:
        found = f"the hub's process may open {match[1]} files, max_connections = {max_connections} needs {needed}"
        yield Finding(
            Verdict.WARN, "hub descriptors", found, f"LimitNOFILE={needed} in its unit, or lower max_connections; then restart it"
        )
