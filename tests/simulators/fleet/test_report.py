"""The verdict of a run and how its lines are joined for a long timeline."""

from simulators.fleet.counting import Counting
from simulators.fleet.difference import Difference
from simulators.fleet.figures import MAX_TICKS, FaultRecord, Figures
from simulators.fleet.histogram import Histogram
from simulators.fleet.report import CLEAN, DIFFERENT, NOT_DRAINED, Report, as_text, audit_text, filled
from simulators.fleet.scenario import Fault
from simulators.fleet.store_audit import StoreVerdict


def report() -> Report:
    phases = [{"name": "calm", "for_s": 60.0, "rate": 1.0}, {"name": "rush", "for_s": 60.0, "rate": 2.0}]
    made = Report("night", "http://hub", "0.1", "DuckDB", "abc", 1, 0, 120.0, 5, 2, 1, phases, {}, {}, {}, [], [])
    made.stored = {"made": 10, "stored": 10, "uncertain": 0, "excused": {"spooled": 0, "in_gaps": 0, "rejected": 0}}
    made.shown = {"viewers": 2, "shown": 4, "merged": 0}
    return filled(made, figures(3))


def figures(ticks: int) -> Figures:
    found, counting = Figures(["calm", "rush"]), Counting(2)
    for at in range(1, ticks + 1):
        counting.sent += 2
        counting.ack[0].add(1_000 * at)
        found.hear(("device_worker", 0), {**counting.take(), "now": {"connected": at}, "last_error": ""})
        found.tick(float(at))
    return found


def test_a_clean_run_ends_with_0_and_says_so() -> None:
    clean = report()
    assert clean.exit_code == CLEAN
    assert "AUDIT CLEAN" in as_text(clean)
    assert clean.latency_ms["ack"]["count"] == 3
    assert clean.phases[0]["ack_ms"]["max"] == 3.0
    assert clean.said()["verdict"] == clean.verdict()


def test_a_difference_a_broken_promise_and_a_full_spool_each_end_otherwise() -> None:
    differing, broken, left = report(), report(), report()
    differing.different, differing.differences = 1, [Difference("missing", "d1", "air", 7, 4, 1.5, None, "store")]
    broken.commands = {"sent": 1, "ended": {"done": 1}, "wrong": ["command 3 was run 2 times; it is done"]}
    left.not_acked = {"d4": 3}
    assert [each.exit_code for each in (differing, broken, left)] == [DIFFERENT, DIFFERENT, NOT_DRAINED]
    assert "the first: store: missing: d1/air" in differing.verdict()
    assert "the first: command 3 was run 2 times" in broken.verdict()
    assert "the first: 3 of d4" in left.verdict()
    assert all(each.verdict() in as_text(each) for each in (differing, broken, left))


def test_an_audit_by_itself_ends_as_a_run_does() -> None:
    clean, left, differing = StoreVerdict(made=3, stored=3), StoreVerdict(made=3, stored=1), StoreVerdict(made=3, stored=2, different=1)
    left.excused["spooled"] = 2
    assert [audit_text(each)[1] for each in (clean, left, differing)] == [CLEAN, NOT_DRAINED, DIFFERENT]
    assert "NOT DRAINED: 2 readings were on spools" in audit_text(left)[0]


def test_what_a_store_keeps_no_finer_is_said_to_be_left_out() -> None:
    coarse = report()
    assert (coarse.said()["left_out"], "compared as far" in as_text(coarse)) == ("", False)
    coarse.store = "VictoriaMetrics"
    said = (
        "compared as far as the store keeps it: times to 1 ms, numbers to 11 digits; of the readings of a series within 1 ms it keeps one"
    )
    assert coarse.said()["left_out"] == said
    assert f"  {said}\n" in as_text(coarse)
    assert said in audit_text(StoreVerdict(made=3, stored=3, left_out=said))[0]


def test_clocks_that_went_wrong_are_told_with_by_how_much() -> None:
    told = report()
    fault = Fault("clock-step", by_s=-72_000.0)
    told.faults = [FaultRecord(0, fault.kind, "devices", 1.0, 2.0, 5, amount=fault.amount).said()]
    assert "  clock-step by -20 h of 5 devices at 1.0 s to 2.0 s\n" in as_text(told)


def test_a_fault_that_hit_nobody_says_nothing_of_who_streams_again() -> None:
    told = report()
    told.faults = [FaultRecord(0, "kill", "devices", 1.0, 2.0).said(), FaultRecord(1, "kill", "devices", 3.0, 4.0, 5).said()]
    assert "  kill of 0 devices at 1.0 s to 2.0 s\n  kill of 5 devices at 3.0 s to 4.0 s: not all streamed again" in as_text(told)


def test_a_long_timeline_is_joined_without_losing_a_count_or_a_peak() -> None:
    long = filled(report(), figures(2 * MAX_TICKS + 1))
    assert len(long.timeline) <= MAX_TICKS
    assert sum(line["sent"] for line in long.timeline) == 2 * (2 * MAX_TICKS + 1)
    assert max(line["ack_max"] for line in long.timeline) == 2 * MAX_TICKS + 1
    assert long.timeline[-1]["connected"] == 2 * MAX_TICKS + 1


def test_a_killed_worker_is_no_longer_counted_among_the_connected() -> None:
    found = figures(3)
    assert found.now("connected") == 3
    found.forget(("device_worker", 0))
    assert found.now("connected") == 0
    assert isinstance(found.away, Histogram)


def test_a_fault_is_over_when_every_worker_has_said_so_but_those_that_were_killed() -> None:
    found = figures(1)
    found.faults = [FaultRecord(0, "half-open", "devices", 1.0, 2.0, 100, {0, 1, 2})]
    found.faults[0].heard(1, 4.5)
    found.forget(("device_worker", 0))
    assert found.faults[0].said()["recovered_s"] is None
    found.faults[0].heard(2, 3.0)
    assert found.faults[0].said()["recovered_s"] == 4.5
