"""Commits are counted with their time."""

from hub.journal.counts import Counts


def test_the_last_commit_and_all_of_them_are_told() -> None:
    counts = Counts()
    counts.committed(0.5, 10, 7)
    counts.committed(0.25, 5, 8)
    assert counts.figures() == {
        "commits": 2,
        "committed_rows": 15,
        "last_commit_time_us": 8,
        "commit_seconds": 0.75,
        "last_commit_seconds": 0.25,
    }


def test_one_stall_is_no_slow_disk_and_two_of_three_are() -> None:
    counts = Counts()
    usual_s = []
    for seconds in (0.01, 5.0, 0.01, 5.0, 5.0, 0.01, 0.01):
        counts.committed(seconds, 1, 7)
        usual_s.append(counts.usual_s())
    assert usual_s == [0.0, 0.01, 0.01, 5.0, 5.0, 5.0, 0.01]
