"""The verdict of a run: what is stored and what viewers were shown, against what was made, in one list whose first entry is named.

Owns how the two audits are joined, and an audit of a run that is over. Called by course.py and `tributary simulate --audit`.
"""

from collections.abc import Callable, Mapping
from typing import Any

from hub.client import HubClient
from simulators.fleet.difference import Difference
from simulators.fleet.excuses import Excuses
from simulators.fleet.made import Made
from simulators.fleet.report import SHOWN, Report
from simulators.fleet.store_audit import StoreAudit, StoreVerdict


async def judged(report: Report, client: HubClient, made: Made, shown: Mapping[str, Any], told: Callable[[int], None]) -> None:
    """Audit what is stored, add what viewers say, and put both into a report. Raises HubError."""
    verdict = await audited(client, made, told)
    of_viewers: dict[str, Excuses] = {}  # each has its own: what a gap excuses is missing on every screen
    seen = list[Difference]()
    for each in map(Difference.of, shown["differences"]):
        if each.kind == "missing" and each.number is not None:
            excuses = of_viewers.setdefault(each.where, Excuses(client, made.left, made.known))
            await excuses.load(each.device)
            if excuses.why(each.device, each.channel, each.number, each.time_us) is not None:
                continue
        seen.append(each)
    report.stored = stored_of(verdict)
    report.shown = {name: shown[name] for name in ("viewers", "shown", "merged")}
    report.different = verdict.different + len(seen)
    first = sorted([*verdict.differences, *seen], key=lambda each: each.order)[: 5 * SHOWN]
    report.differences = [made.named(each) for each in first]


async def audited(client: HubClient, made: Made, told: Callable[[int], None]) -> StoreVerdict:
    """Compare everything that was made with everything that is stored. Raises HubError."""
    audit = StoreAudit(client, made.truth(), Excuses(client, made.left, made.known), made.spans_us, told)
    await audit.run(made.subjects())
    audit.verdict.differences = [made.named(each) for each in audit.verdict.differences[: 5 * SHOWN]]
    return audit.verdict


def stored_of(verdict: StoreVerdict) -> dict[str, Any]:
    """Return the counts of an audit for a report."""
    return {"made": verdict.made, "stored": verdict.stored, "uncertain": verdict.uncertain, "excused": verdict.excused}
