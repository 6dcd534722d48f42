"""The devices behind the charts of the page's benchmark."""

import random
from itertools import pairwise

from simulators.bench.gauges import CHANNELS, values_at


def test_a_gauge_reports_hundredths_that_change_slowly() -> None:
    drawn = random.Random(1)
    rows = [values_at(at * 100_000, 0.5, drawn) for at in range(1_000)]
    for name in CHANNELS:
        column = [row[name] for row in rows]
        assert all(round(value, 2) == value for value in column)
        assert max(abs(later - before) for before, later in pairwise(column)) < 2
        assert max(column) - min(column) > 6
