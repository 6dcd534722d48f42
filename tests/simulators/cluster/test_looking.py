"""Tests of simulators/cluster/looking.py: what the fleet's figures say of the time since a moment, and nothing of the time before."""

from simulators.cluster.looking import Since
from simulators.fleet.figures import Figures


def test_only_what_was_counted_since_counts() -> None:
    figures = Figures(["load"])
    figures.away.add(9_000_000)
    figures.tick(1.0)
    since = Since(figures)
    assert (since.devices, since.device_s, since.acked(), since.slowest_ms()) == (0, 0.0, [], 0.0)
    figures.away.add(2_000_000)
    figures.away.add(1_000_000)
    figures.dark.add(500_000)
    figures.counts["acked"] += 30
    figures.recent_ack.add(40_000)
    figures.tick(2.0)
    assert since.devices == 2
    assert 2.0 <= since.device_s < 2.0 * 65 / 64 + 1e-6
    assert (since.viewers, since.acked()) == (1, [30])
    assert 0.5 <= since.viewer_s < 0.51
    assert since.slowest_ms() == 40.0
