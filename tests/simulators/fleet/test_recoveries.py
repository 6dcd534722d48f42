"""A fault is over when everybody that it hit has had a frame acked that was due after it."""

from simulators.fleet.recoveries import Recoveries


def test_everybody_is_waited_for_and_older_frames_do_not_count() -> None:
    said: list[tuple[int, int, float]] = []
    recoveries = Recoveries(lambda fault, devices, seconds: said.append((fault, devices, seconds)))
    recoveries.expect(3, 1_000_000, [1, 2])
    recoveries.acked(1, 1_500_000, 1_600_000)
    recoveries.acked(2, 900_000, 1_700_000)  # from before the end
    recoveries.acked(7, 1_500_000, 1_700_000)  # was not hit
    assert said == []
    recoveries.acked(2, 1_000_000, 3_500_000)
    recoveries.acked(2, 2_000_000, 4_500_000)
    assert said == [(3, 2, 2.5)]


def test_a_fault_that_hit_nobody_is_over_at_once() -> None:
    said: list[int] = []
    Recoveries(lambda fault, devices, seconds: said.append(devices)).expect(1, 0, [])
    assert said == [0]
