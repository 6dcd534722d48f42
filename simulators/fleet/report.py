"""What a run came to: one record, as JSON for programs and as text for people.

Owns the shape of the report and its verdict; course.py fills it, dashboard/fleet_report.py draws it. Exit codes: 0 everything is as it
was made, 3 something differs, 4 spools were not empty in time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from simulators.fleet.difference import Difference
from simulators.fleet.figures import MAX_TICKS, Figures, merged
from simulators.fleet.grain import grain_of
from simulators.fleet.scenario import CLOCK_FAULTS
from simulators.fleet.store_audit import StoreVerdict

CLEAN: Final = 0
DIFFERENT: Final = 3
NOT_DRAINED: Final = 4
CLEAN_SAID: Final = "AUDIT CLEAN: every reading is where it must be, once, as it was sent"
SHOWN: Final = 20  # differences that are told one by one


@dataclass(slots=True)
class Report:
    """A finished run. Times in ms where a name does not say otherwise."""

    name: str
    hub: str
    version: str
    store: str
    run: str
    seed: int
    started_us: int
    seconds: float
    devices: int
    viewers: int
    workers: int
    phases: list[dict[str, Any]]
    frames: dict[str, int]
    latency_ms: dict[str, dict[str, float]]  # ack, seen, late, away, dark
    histograms: dict[str, list[tuple[float, float, int]]]
    faults: list[dict[str, Any]]
    timeline: list[dict[str, Any]]
    stored: dict[str, Any] = field(default_factory=dict)
    shown: dict[str, Any] = field(default_factory=dict)
    commands: dict[str, Any] = field(default_factory=dict)
    not_acked: dict[str, int] = field(default_factory=dict)  # device -> frames that were still on its spool
    different: int = 0
    differences: list[Difference] = field(default_factory=list)  # the earliest

    @property
    def exit_code(self) -> int:
        """How a program ends that ran it."""
        wrong = self.different or self.commands.get("wrong")
        return DIFFERENT if wrong else NOT_DRAINED if self.not_acked else CLEAN

    @property
    def left_out(self) -> str:
        """What cannot be compared with what its store keeps, in words; empty where that is nothing."""
        return grain_of(self.store).left_out

    def said(self) -> dict[str, Any]:
        """Return it for JSON."""
        said = asdict(self) | {"left_out": self.left_out}
        said["differences"] = [each.said() for each in self.differences]
        return said | {"exit_code": self.exit_code, "verdict": self.verdict()}

    def verdict(self) -> str:
        """Return the outcome as one line."""
        if self.differences:
            return f"AUDIT FAILED: {self.different:,} readings differ; the first: {self.differences[0].line()}"
        if self.commands.get("wrong"):
            wrong = self.commands["wrong"]
            return f"AUDIT FAILED: {len(wrong):,} commands are not as promised; the first: {wrong[0]}"
        if self.not_acked:
            device, frames = next(iter(self.not_acked.items()))
            left = f"{sum(self.not_acked.values()):,} frames of {len(self.not_acked):,} devices"
            return f"NOT DRAINED: {left} were not acked in time; the first: {frames:,} of {device}. What was acked is as it was sent"
        return CLEAN_SAID


def filled(report: Report, figures: Figures) -> Report:
    """Put the figures of a run into its report."""
    whole = {"ack": merged(figures.ack), "seen": merged(figures.seen), "late": figures.late, "away": figures.away, "dark": figures.dark}
    report.latency_ms = {name: histogram.summary_ms() for name, histogram in whole.items()}
    report.histograms = {name: histogram.rows() for name, histogram in whole.items()}
    for at, phase in enumerate(report.phases):
        phase |= {"ack_ms": figures.ack[at].summary_ms(), "seen_ms": figures.seen[at].summary_ms()}
    report.frames = {**figures.counts, "gaps": figures.now("gaps"), "rejected": figures.now("rejected")}
    report.faults = [record.said() for record in figures.faults]
    step = -(-len(figures.ticks) // MAX_TICKS) or 1
    report.timeline = [_joined(figures.ticks[at : at + step]) for at in range(0, len(figures.ticks), step)]
    return report


def _joined(ticks: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Make one line of several: counts added up, the worst of times, the last of states."""
    joined = dict(ticks[-1])
    for name in joined:
        found = [tick[name] for tick in ticks if tick[name] is not None]
        if name in ("sent", "acked", "points", "snapshots", "connects"):
            joined[name] = sum(found)
        elif name.startswith(("ack_", "seen_")):
            joined[name] = max(found, default=None)
    return joined


def as_text(report: Report) -> str:
    """Return the report for a terminal."""
    lines = [
        f"{report.name}: {report.devices:,} devices and {report.viewers:,} viewers in {report.workers} processes against {report.hub} "
        f"({report.version}, {report.store}), {report.seconds:.0f} s, seed {report.seed}",
        *_rates(report),
        "",
        *_latencies(report),
    ]
    if report.faults:
        lines += ["", *_faults(report)]
    lines += ["", *_audit(report)]
    if report.different:
        lines += [f"  {each.line()}" for each in report.differences[:SHOWN]]
        if report.different > SHOWN:
            lines.append(f"  ... and {report.different - SHOWN:,} more")
    return "\n".join([*lines, "", report.verdict()])


def audit_text(verdict: StoreVerdict) -> tuple[str, int]:
    """Return the outcome of an audit by itself as text, and the exit code."""
    excused = "".join(f", {count:,} {name.replace('_', ' ')}" for name, count in verdict.excused.items() if count)
    lines = [f"stored: {verdict.made:,} readings made, {verdict.stored:,} stored once and as sent{excused}"]
    lines += [f"  {verdict.left_out}"] * bool(verdict.left_out)
    lines += [f"  {each.line()}" for each in verdict.differences[:SHOWN]]
    if verdict.different:
        return "\n".join([*lines, f"AUDIT FAILED: {verdict.different:,} readings differ"]), DIFFERENT
    if spooled := verdict.excused["spooled"]:
        said = f"NOT DRAINED: {spooled:,} readings were on spools when the run ended. What was acked is as it was sent"
        return "\n".join([*lines, said]), NOT_DRAINED
    return "\n".join([*lines, CLEAN_SAID]), CLEAN


def _rates(report: Report) -> list[str]:
    frames = report.frames
    each_s = f"{frames['sent'] / report.seconds:,.0f}" if report.seconds else "-"
    said = f"frames: {frames['sent']:,} sent ({each_s}/s), {frames['acked']:,} acked, {frames['connects']:,} connections"
    return [said + (f"; {frames['gaps']:,} gaps, {frames['rejected']:,} rejected" if frames["gaps"] or frames["rejected"] else "")]


def _latencies(report: Report) -> list[str]:
    words = {
        "ack": "due -> acked",
        "seen": "due -> viewer",
        "late": "due -> given to the client (this program's own delay)",
        "away": "connection lost -> acked again",
        "dark": "a viewer's connection lost -> shown again",
    }
    parts = ("p50", "p90", "p99", "p99.9", "max")
    lines = ["latency in ms" + "".join(part.rjust(12) for part in parts) + "       count"]
    rows = [(words[name], report.latency_ms[name]) for name in words]
    rows += [(f"  {phase['name']}: due -> acked", phase["ack_ms"]) for phase in report.phases if len(report.phases) > 1]
    for name, summary in rows:
        if summary["count"]:
            lines.append(name + "\n" + " " * 13 + "".join(f"{summary[part]:12,.1f}" for part in parts) + f"{summary['count']:12,.0f}")
    return lines


def _faults(report: Report) -> list[str]:
    lines = ["faults"]
    for fault in report.faults:
        again = "not all streamed again" if fault["recovered_s"] is None else f"all stream again {fault['recovered_s']:.1f} s after it"
        hit = f"{fault['devices']:,} devices" if fault["on"] != "viewers" else "viewers"
        until = f" to {fault['until_s']:.1f} s" if fault["until_s"] > fault["at_s"] else ""
        is_told = fault["on"] != "viewers" and fault["devices"] and fault["kind"] not in CLOCK_FAULTS
        amount = fault["amount"] and f" {fault['amount']}"
        lines.append(f"  {fault['kind']}{amount} of {hit} at {fault['at_s']:.1f} s{until}" + (f": {again}" if is_told else ""))
    return lines


def _audit(report: Report) -> list[str]:
    stored, shown = report.stored, report.shown
    excused = "".join(f", {count:,} {name.replace('_', ' ')}" for name, count in stored.get("excused", {}).items() if count)
    never = f", {stored['uncertain']:,} never promised" if stored.get("uncertain") else ""
    lines = [f"stored: {stored['made']:,} readings made, {stored['stored']:,} stored once and as sent{excused}{never}"]
    if report.left_out:
        lines.append(f"  {report.left_out}")
    if report.viewers:
        merged_ = f", {shown['merged']:,} in buckets only" if shown.get("merged") else ""
        lines.append(f"shown: {shown['shown']:,} readings on {shown['viewers']:,} viewers one by one{merged_}")
    if report.commands:
        ended = ", ".join(f"{count:,} {state}" for state, count in sorted(report.commands["ended"].items()))
        lines.append(
            f"commands: {report.commands['sent']:,} sent, {ended or 'none ended'}; {len(report.commands['wrong'])} not as promised"
        )
    return lines
