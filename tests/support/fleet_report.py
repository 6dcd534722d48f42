"""The report of a simulation as its JSON has it, small and made up, for tests of what shows it."""

from typing import Any


def report_said() -> dict[str, Any]:
    """Return one of a run with two phases, a storm and viewers."""
    summary = {"count": 200, "p50": 5.0, "p90": 9.0, "p99": 20.0, "p99.9": 30.0, "max": 31.0}
    tick = {
        "sent": 20,
        "acked": 19,
        "points": 6,
        "snapshots": 0,
        "connects": 0,
        "connected": 100,
        "viewers": 2,
        "in_flight": 1,
        "spooled": 3,
    }
    times = {f"{name}_{part}": 5.0 for name in ("ack", "seen") for part in ("p50", "p99", "max")}
    phases = [{"name": name, "for_s": 5.0, "rate": 1.0, "ack_ms": summary, "seen_ms": summary} for name in ("calm", "rush")]
    fault = {"kind": "storm", "amount": "", "on": "devices", "devices": 100, "at_s": 3.0, "until_s": 5.0, "recovered_s": 7.5}
    return {
        "name": "night", "hub": "http://hub", "version": "0.1.0", "store": "DuckDB", "run": "abc", "seed": 1, "started_us": 0,
        "seconds": 10.0, "devices": 100, "viewers": 2, "workers": 4, "phases": phases,
        "frames": {"sent": 200, "acked": 200, "points": 60, "snapshots": 2, "connects": 200, "gaps": 0, "rejected": 0},
        "latency_ms": {name: summary for name in ("ack", "seen", "late", "away")},
        "histograms": {name: [(4.0, 5.0, 150), (19.0, 20.0, 50)] for name in ("ack", "seen", "late", "away")},
        "faults": [fault], "timeline": [tick | times | {"t": float(at)} for at in range(1, 11)],
        "stored": {"made": 400, "stored": 400, "uncertain": 0, "excused": {"spooled": 0, "in_gaps": 0, "rejected": 0}},
        "shown": {"viewers": 2, "shown": 60, "merged": 0},
        "commands": {"sent": 5, "ended": {"done": 5}, "answer_ms": summary, "wrong": []},
        "left_out": "", "not_acked": {}, "different": 0, "differences": [], "exit_code": 0, "verdict": "AUDIT CLEAN: all of it",
    }  # fmt: skip
