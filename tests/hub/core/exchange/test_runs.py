"""Columns cut into runs of one series, with values of their kind."""

from hub.core.exchange.runs import MAX_RUN, runs_of
from tests.support.exchanged import IS_OPEN, MODE, PLACE, T_NS, TEMP, Reading, columns_of


def test_runs_follow_the_columns_and_values_have_the_type_of_their_kind() -> None:
    readings: list[Reading] = [
        (TEMP, T_NS, 1.5), (TEMP, T_NS + 1, 3), (IS_OPEN, T_NS, True), (IS_OPEN, T_NS + 1, "ajar"), (PLACE, T_NS, (48.1, 11.5)),
        (MODE, T_NS, ""), (TEMP, T_NS + 2, 2**63 - 1),
    ]  # fmt: skip
    runs = list(runs_of(columns_of(readings)))
    assert [run.series for run in runs] == [TEMP, IS_OPEN, PLACE, MODE, TEMP]
    assert [repr(value) for run in runs for value in run.values] == [repr(value) for _, _, value in readings]
    assert [t_ns for run in runs for t_ns in run.t_ns.tolist()] == [t_ns for _, t_ns, _ in readings]


def test_nothing_has_no_runs() -> None:
    columns = columns_of([(TEMP, T_NS, 1.5)])
    columns.index = columns.index[:0]
    assert list(runs_of(columns)) == []


def test_a_long_run_comes_in_parts() -> None:
    runs = list(runs_of(columns_of([(TEMP, T_NS + at, at) for at in range(MAX_RUN + 1)])))
    assert [len(run.values) for run in runs] == [MAX_RUN, 1]
    assert runs[1].t_ns.tolist() == [T_NS + MAX_RUN]
