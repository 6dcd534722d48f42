"""Whatever is appended, flushed, merged and opened again, in whatever order and however late: raw is what was appended, and each
bucket of each width is what these readings make."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
import trio
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from devices.wire.messages import Kind
from hub.core.buckets import LADDER_US
from hub.core.records import Cursor, Reading, Series
from hub.ports import Retention
from hub.store.duckdb import DuckDBStore
from hub.store.duckdb.tiers import DAY_NS, HOURS, MINUTES, RAW, tier_for
from tests.support.readings import all_pages, buckets_as_said, buckets_from, columns_of, raw_of, series_of

NOW_NS = 1_700_000_000_000_000_000
SERIES = [*series_of("pump"), Series("fan", "speed", "1/min", Kind.GAUGE)]
WIDTHS_US = [*LADDER_US, 7_000_000, 90_000_000]
FOR_EVER = Retention(raw_days=0, minutes_days=0, hours_days=0)

# Some close together, some years late, some before 1970, many on the edges of minutes, hours and days.
TIMES = st.one_of(
    st.integers(-(10**11), 10**11).map(lambda each: NOW_NS + each),
    st.integers(-400, 0).map(lambda days: NOW_NS + days * DAY_NS),
    st.builds(lambda n, d: NOW_NS - NOW_NS % DAY_NS + n * 60_000_000_000 + d, st.integers(-3_000, 100), st.sampled_from([-1, 0, 1])),
    st.integers(-(10**15), 10**15),
    st.sampled_from([-(2**63) + 1_808, -(2**63) + 10**18, 2**63 - 1_000_000]),
)


def value_of(kind: Kind) -> st.SearchStrategy[Any]:
    number = st.integers(-1_000, 1_000).map(lambda each: each / 8)  # sums of these are exact in any order
    match kind:
        case Kind.STATE:
            return st.booleans()
        case Kind.TEXT:
            return st.text(max_size=5)
        case Kind.POSITION:
            return st.tuples(number, number).map(list)
        case Kind.COUNTER:
            return st.integers(-(2**40), 2**40)
        case _:
            return number


READINGS = st.sampled_from(SERIES).flatmap(lambda series: st.tuples(st.just(series), TIMES, value_of(series.kind)))
STEPS = st.lists(
    st.one_of(st.lists(READINGS, min_size=1, max_size=30), st.sampled_from(["flush", "flush", "tend", "open again", "make safe"])),
    min_size=1,
    max_size=25,
)


@pytest.fixture(autouse=True)
def _eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let little be much: two files are merged, a file holds 20 rows, and many periods are three."""
    monkeypatch.setattr("hub.store.duckdb.merging.FAN_IN", 2)
    monkeypatch.setattr("hub.store.duckdb.slices.MAX_ROWS", 20)
    monkeypatch.setattr("hub.store.duckdb.slices._MAX_PERIODS", 3)
    monkeypatch.setattr("hub.store.duckdb.slices._FEW_ROWS", 8)


@settings(
    max_examples=12,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=STEPS)
def test_raw_is_what_was_appended_and_buckets_of_every_width_are_what_it_makes(steps: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        trio.run(hold, Path(folder) / "history.duckdb", steps)


async def hold(path: Path, steps: list[Any]) -> None:
    store = DuckDBStore(path, FOR_EVER)
    await store.start()
    said: dict[tuple[Series, int], Any] = {}
    for position, step in enumerate(steps, start=1):
        if step == "flush":
            await store._flush_all()
        elif step == "tend":
            await store.tend(NOW_NS // 1_000 + 10**9)
        elif step == "make safe":
            await store.make_safe()
        elif step == "open again":
            await store.aclose()
            store = DuckDBStore(path, FOR_EVER)
            await store.start()
        else:
            batch = list({each[:2]: each for each in step if each[:2] not in said}.values())
            said |= {(series, t_ns): value for series, t_ns, value in batch}
            await store.append(columns_of(batch) if batch else columns_of([]), Cursor("j", position))
    await agree(store, said)
    assert not store.notes
    await store.aclose()


async def agree(store: DuckDBStore, said: dict[tuple[Series, int], Any]) -> None:
    wanted: dict[Series, list[Reading]] = {}
    for (series, t_ns), value in sorted(said.items(), key=lambda each: each[0][1]):
        wanted.setdefault(series, []).append(Reading(t_ns, value))
    assert await raw_of(store, SERIES) == wanted
    assert await store.list_series() == sorted(wanted)
    assert await store.latest(SERIES) == {series: readings[-1] for series, readings in wanted.items()}
    for width_us in WIDTHS_US:
        answer = await store.query(SERIES, -(10**13), 10**16, width_us, 10**6)
        assert answer.kept_from_us is None
        found = {series: buckets_as_said(buckets) for series, buckets in answer.buckets.items()}
        asked = {series: [each for each in readings if each.t_ns > -(10**16)] for series, readings in wanted.items()}
        assert found == {series: buckets_from(readings, width_us) for series, readings in asked.items() if readings}, width_us
    order = sorted(wanted, reverse=True)
    for page in (1, 7, 10_000) if len(said) < 60 else (23,):
        assert await all_pages(store, order, page) == [(series, each.t_ns) for series in order for each in wanted[series]]
    assert (await store.statistics())["readings"] == len(said)


def test_a_width_is_answered_from_the_coarsest_tier_that_fits_and_is_still_there() -> None:
    second_ns, minute_ns, hour_ns = 10**9, 60 * 10**9, 3_600 * 10**9
    assert tier_for(0, 0, {}) is RAW
    assert tier_for(10 * second_ns, 0, {"raw": 5}) is RAW
    assert tier_for(10 * minute_ns, 0, {}) is MINUTES
    assert tier_for(24 * hour_ns, 0, {"raw": 7, "1min": 3}) is HOURS
    assert tier_for(minute_ns, 10, {"1min": 20}) is RAW
    assert tier_for(minute_ns, 10, {"1min": 20, "raw": 30}) is MINUTES
    assert tier_for(minute_ns, 25, {"1min": 20}) is MINUTES
