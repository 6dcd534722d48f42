"""What every history store must do: one suite, run on each adapter (conftest.py).

Times are in ms from BASE, which every store can hold; what a store says it cannot hold is left out of what is expected of it.
"""

import random
import time
from typing import Any, Final

import pytest
import trio

from devices.wire.messages import Channel, Kind
from hub.core.buckets import Stretches
from hub.core.joint import folded
from hub.core.records import Columns, Cursor, Reading, Series
from hub.ports import HistoryStore, Retention, StoreUnavailable
from tests.support.history_book import Book, Point, buckets, columns_of, raw
from tests.support.history_stand import Stand

BASE_US: Final = 1_760_054_400_000_000  # midnight UTC
DAY_US: Final = 86_400_000_000
TEMP = Series("pump", "temp", "Cel", Kind.GAUGE)
COUNT = Series("pump", "count", "1", Kind.COUNTER)
DOOR = Series("pump", "door", "", Kind.STATE)
NOTE = Series("pump", "note", "", Kind.TEXT)
PLACE = Series("pump", "place", "", Kind.POSITION)
ODD_NAMES: Final = [
    '"; DROP TABLE readings; --', "a'b", 'a"b', "back\\slash", "two\\\\slashes", "ends\\", "a,b=c d", "ends,", "=", ",", "-", "#comment",
    "line\nbreak", "carriage\rreturn", "\ttab", "nul\0", "\x7f", "\u2028", "", " blank ", "☃ ünï", "x" * 64, "${r._value}", "{{x}}", "%s%n",
    '"} or vector(1) #', 'x"}[1h]) or up{a="', '") |> drop(columns: ["_value"]) //', ".*", "a|b", "(", "[", "_time", "_field",
    "__name__", "le",
]  # fmt: skip


def ms(count: float) -> int:
    """Return a time in ns, so many ms after BASE."""
    return BASE_US * 1_000 + round(count * 1_000_000)


def us(count: float) -> int:
    """Return a time in µs, so many ms after BASE."""
    return ms(count) // 1_000


def points(series: Series, *of_one: tuple[float, Any]) -> list[Point]:
    return [(series, ms(t), value) for t, value in of_one]


def approximately(found: dict[Series, Stretches]) -> dict[Series, dict[int, Any]]:
    """Return buckets so that sums of another order are equal, and NaN too."""
    return {
        series: {
            start: (*(pytest.approx(x, rel=1e-11, abs=1e-9, nan_ok=True) for x in (b.min, b.max, b.sum)), b.count, b.last, b.last_ns)
            for start, b in stretches.items()
        }
        for series, stretches in found.items()
    }


def plain(found: dict[Series, Stretches]) -> dict[Series, dict[int, Any]]:
    return {series: {s: (b.min, b.max, b.sum, b.count, b.last, b.last_ns) for s, b in each.items()} for series, each in found.items()}


async def test_readings_come_back_oldest_first_with_the_cursor_that_covers_them(store: HistoryStore) -> None:
    assert await store.cursor() is None
    assert (await store.query([TEMP], us(0), us(10), 0, 10)).cursor is None
    book = Book(store)
    await book.append(*points(TEMP, (3, 3.0), (1, 1.5), (2, 2.0)), cursor=Cursor("j", 4))
    answer = await store.query([TEMP, COUNT], us(0), us(3), 0, 10)
    assert answer.cursor == Cursor("j", 4) == await store.cursor()
    assert answer.raw == {TEMP: [Reading(ms(1), 1.5), Reading(ms(2), 2.0)]}
    assert not answer.is_truncated


async def test_a_batch_that_comes_again_changes_nothing(store: HistoryStore) -> None:
    book = Book(store)
    batch = points(TEMP, (1, 1.0), (2, 2.0)) + points(COUNT, (1, 7))
    for _ in range(3):
        await book.append(*batch, cursor=Cursor("j", 4))
    await book.append(cursor=Cursor("j", 9))
    assert await raw(store, TEMP) == book.readings(TEMP)
    assert (await buckets(store, [TEMP, COUNT], us(0), us(5), 1_000_000))[COUNT][us(0)].count == 1
    assert await store.cursor() == Cursor("j", 9)


async def test_a_batch_comes_again_after_the_store_was_opened_anew(stand: Stand) -> None:
    first = await stand.open()
    await Book(first).append(*points(TEMP, (1, 1.0), (2, 2.0)), cursor=Cursor("j", 4))
    await first.make_safe()
    await first.aclose()
    second = await stand.open()
    assert await second.cursor() in (None, Cursor("j", 4))  # it may have gone back
    book = Book(second)
    await book.append(*points(TEMP, (1, 1.0), (2, 2.0)), cursor=Cursor("j", 4))
    await book.append(*points(TEMP, (3, 3.0)), cursor=Cursor("j", 5))
    assert await raw(second, TEMP) == book.readings(TEMP)
    assert await second.cursor() == Cursor("j", 5)


async def test_another_journal_may_bring_a_reading_again(store: HistoryStore) -> None:
    book = Book(store)
    await book.append(*points(TEMP, (1, 1.0), (2, 2.0)), cursor=Cursor("j", 40))
    await book.append(*points(TEMP, (2, 2.0), (3, 3.0)), cursor=Cursor("restored", 3))
    await book.append(*points(TEMP, (1, 1.0), (4, 4.0)), cursor=Cursor("restored", 7))
    assert [reading.value for reading in await raw(store, TEMP)] == [1.0, 2.0, 3.0, 4.0]
    assert await store.cursor() == Cursor("restored", 7)


async def test_each_kind_keeps_its_values_or_is_refused_with_a_reason(store: HistoryStore) -> None:
    book = Book(store)
    wanted = {TEMP: 0.1, COUNT: 999_999_999_999, DOOR: True, NOTE: "a 'b' ☃", PLACE: [48.2, 16.4]}
    await book.append(*((series, ms(1), value) for series, value in wanted.items()))
    for series in wanted:
        reason = store.refuses(Channel(series.channel, series.unit, series.kind))
        assert (reason is not None) == ((series, ms(1)) in book.reasons), series
        assert reason is None or len(reason) > 10
    held = {series: value for series, value in wanted.items() if series in book.points}
    assert held.keys() >= {TEMP, COUNT, DOOR}
    answer = await store.query(list(wanted), us(0), us(10), 0, 100)
    assert {series: found[0].value for series, found in answer.raw.items()} == held
    assert type(answer.raw[DOOR][0].value) is bool
    assert type(answer.raw[COUNT][0].value) is int
    latest = await store.latest(list(wanted))
    assert {series: reading.value for series, reading in latest.items()} == held
    assert type(latest[DOOR].value) is bool
    assert await store.list_series() == sorted(held)


@pytest.mark.parametrize("value", [2**63 - 1, -(2**63), 2**53 + 1, 10**15, 10**15 - 1, 1e300, -1e300, 5e-324, 1e15, 123456.789012, -0.5])
async def test_a_number_comes_back_as_it_was_or_is_refused_and_its_neighbours_stay(store: HistoryStore, value: float) -> None:
    book = Book(store)
    series = COUNT if isinstance(value, int) else TEMP
    neighbours = [(1, 3), (3, 4)] if isinstance(value, int) else [(1, 0.125), (3, 1.25)]
    await book.append(*points(series, *neighbours, (2, value)))
    found, wanted = await raw(store, series), book.readings(series)
    assert {reading.t_ns for reading in found} == {reading.t_ns for reading in wanted} >= {ms(1), ms(3)}
    if isinstance(value, int):
        assert found == wanted
        assert all(type(reading.value) is int for reading in found)
    assert [r.value for r in found] == pytest.approx([r.value for r in wanted], rel=2e-12, abs=1e-15)


async def test_readings_closer_than_the_resolution_are_kept_apart_or_refused(store: HistoryStore) -> None:
    book = Book(store)
    await book.append(*points(TEMP, (1, 1.0), (1.000001, 2.0), (1.5, 3.0), (2, 4.0)))
    await book.append(*points(TEMP, (2.000007, 5.0), (3, 6.0)))
    assert await raw(store, TEMP) == book.readings(TEMP)
    assert len(book.points[TEMP]) + len(book.reasons) == 6
    assert (len(book.reasons) == 0) == (store.resolution_ns == 1)


async def test_a_few_texts_among_many_numbers_are_kept_or_refused(store: HistoryStore) -> None:
    texts = {3: "a\0b", 7_777: "", 9_999: "2020-01-01"}
    book = Book(store)
    await book.append(*[(NOTE, ms(n), texts[n]) if n in texts else (TEMP, ms(n), 0.5) for n in range(10_000)])
    assert await raw(store, NOTE) == book.readings(NOTE)
    assert await raw(store, TEMP) == book.readings(TEMP)
    assert len(book.readings(TEMP)) == 10_000 - len(texts)


async def test_times_that_a_store_cannot_hold_are_refused(store: HistoryStore) -> None:
    day_ns, now_ns = 86_400 * 10**9, time.time_ns() // 10**6 * 10**6
    book = Book(store)
    stamps = [-(10**6), 0, 10**6, 40 * day_ns, now_ns, now_ns + day_ns, now_ns + 100 * day_ns]
    await book.append(*[(TEMP, t_ns, 1.0) for t_ns in stamps])
    assert await raw(store, TEMP, -(2**63), 2**63) == book.readings(TEMP)
    assert {now_ns, now_ns + day_ns} <= book.points[TEMP].keys()


async def test_a_range_wider_than_any_time_is_answered(store: HistoryStore) -> None:
    book = Book(store)
    await book.append(*points(TEMP, (1, 1.0)))
    assert await raw(store, TEMP, -(2**63), 2**63) == book.readings(TEMP)
    assert plain(await buckets(store, [TEMP], -(2**63), 2**63, DAY_US)) == approximately(book.stretches(DAY_US))


async def test_what_nobody_measured_has_no_answer(store: HistoryStore) -> None:
    await Book(store).append(*points(TEMP, (1, 1.0)))
    assert (await store.query([COUNT, TEMP], us(10), us(20), 1_000, 10)).buckets == {}
    assert (await store.query([COUNT], us(0), us(20), 0, 10)).raw == {}
    assert (await store.query([TEMP], us(5), us(0), 0, 10)).raw == {}
    assert await store.latest([COUNT]) == {}
    assert await store.latest([]) == {}


async def test_a_changed_unit_or_kind_is_another_series(store: HistoryStore) -> None:
    book = Book(store)
    alike = [TEMP, TEMP._replace(unit="K"), TEMP._replace(unit=""), TEMP._replace(kind=Kind.COUNTER), TEMP._replace(device="pump2")]
    for at, series in enumerate(alike):
        await book.append(*points(series, (1, float(at)), (2 + at, 10.0 + at)))
    for series in alike:
        assert await raw(store, series) == book.readings(series)
    assert plain(await buckets(store, alike, us(0), us(10), 1_000_000)) == approximately(book.stretches(1_000_000))
    assert await store.list_series() == sorted(alike)


async def test_buckets_are_aligned_to_1970_and_whole_at_both_edges_of_the_range(store: HistoryStore) -> None:
    book = Book(store)
    second = [(0, 1.0), (500, 5.0), (999, 3.0)]
    await book.append(*points(TEMP, (-1_001, 8.0), (-1, 9.0), *second, (1_000, -1.0), (2_000, -2.0), (2_999, 7.0), (3_000, 4.0)))
    wanted = book.stretches(1_000_000)[TEMP]
    for from_ms, to_ms, starts in [
        (0, 1_000, [0]),
        (-1_000, 3_000, [-1_000, 0, 1_000, 2_000]),
        (0.001, 0.002, [0]),
        (999.999, 2_000.001, [0, 1_000, 2_000]),
    ]:
        found = await buckets(store, [TEMP], us(from_ms), us(to_ms), 1_000_000)
        assert plain(found) == approximately({TEMP: {us(start): wanted[us(start)] for start in starts}})
    assert (wanted[us(0)].sum, wanted[us(0)].last, wanted[us(0)].last_ns) == (9.0, 3.0, ms(999))


async def test_buckets_of_several_series_stay_apart(store: HistoryStore) -> None:
    book = Book(store)
    values: list[tuple[Series, Any]] = [(DOOR, True), (TEMP, 0.5), (COUNT, 3)]
    await book.append(*[(values[n % 3][0], ms(n), values[n % 3][1]) for n in range(9)])
    found = await buckets(store, [TEMP, COUNT, DOOR], us(0), us(10**3), 2_000)
    assert plain(found) == approximately(book.stretches(2_000))
    assert {type(bucket.last) for bucket in found[DOOR].values()} == {bool}


async def test_buckets_of_texts_count_and_keep_the_last(store: HistoryStore) -> None:
    book = Book(store)
    await book.append(*points(NOTE, (1, "first"), (2, "second")))
    assert plain(await buckets(store, [NOTE], us(0), us(10), 1_000_000)) == approximately(book.stretches(1_000_000) if book.points else {})


@pytest.mark.parametrize("width_us", [100_000, 1_000_000, 60_000_000, 3_600_000_000, DAY_US])
async def test_buckets_equal_those_made_of_the_readings_whatever_their_age(store: HistoryStore, width_us: int) -> None:
    now_ms, draw = time.time_ns() // 10**6, random.Random(width_us)
    book = Book(store)
    ages_ms = {draw.randrange(spread) for spread in (10**3, 10**5, 10**6, 10**8) for _ in range(400)}  # the newest may be answered raw
    drawn: list[Point] = [(TEMP, (now_ms - age) * 10**6, draw.randrange(-999, 999) / 8) for age in ages_ms]
    drawn += [(COUNT, (now_ms - age) * 10**6, draw.randrange(10**9)) for age in ages_ms if age % 3]
    draw.shuffle(drawn)
    for at in range(0, len(drawn), 700):
        await book.append(*drawn[at : at + 700])
    found = await buckets(store, [TEMP, COUNT], now_ms * 1_000 - 2 * DAY_US, now_ms * 1_000 + 1_000, width_us)
    assert plain(found) == approximately(book.stretches(width_us))
    assert await raw(store, TEMP) == book.readings(TEMP)


async def test_what_comes_late_is_in_the_next_answer(store: HistoryStore) -> None:
    book = Book(store)
    await book.append(*points(TEMP, (60_000 * 5, 5.0)))
    assert plain(await buckets(store, [TEMP], us(0), us(10**6), 60_000_000)) == approximately(book.stretches(60_000_000))
    await book.append(*points(TEMP, (1, 1.0), (60_000 * 5 - 1, 2.0), (60_000 * 5 + 1, 3.0)))
    assert plain(await buckets(store, [TEMP], us(0), us(10**6), 60_000_000)) == approximately(book.stretches(60_000_000))


@pytest.mark.parametrize("width_us", [0, 1_000])
async def test_a_limit_keeps_the_newest_and_says_so(store: HistoryStore, width_us: int) -> None:
    await Book(store).append(*points(TEMP, *[(1_000 * n, float(n)) for n in range(10)]))
    answer = folded(await store.query([TEMP], us(0), us(10**6), width_us, 3), width_us)
    assert answer.is_truncated
    times = answer.buckets[TEMP].start_us.tolist() if width_us else [r.t_ns // 1000 for r in answer.raw[TEMP]]
    assert times == [us(7_000), us(8_000), us(9_000)]
    assert not (await store.query([TEMP], us(0), us(10**6), width_us, 10)).is_truncated


async def read_in_pages(store: HistoryStore, series: list[Series], from_ns: int, to_ns: int, size: int) -> list[Point]:
    found: list[Point] = []
    first_from_ns = from_ns
    while True:
        page: Columns = await store.read(series, from_ns, to_ns, first_from_ns, size)
        found += [
            (page.series[at], t_ns, num) for at, t_ns, num in zip(page.index.tolist(), page.t_ns.tolist(), page.num.tolist(), strict=True)
        ]
        assert len(page) <= size
        if len(page) < size:
            return found
        series = series[series.index(found[-1][0]) :]
        first_from_ns = found[-1][1] + 1


async def test_reading_in_pages_gives_every_reading_once_in_order(store: HistoryStore) -> None:
    book = Book(store)
    for series, count in ((TEMP, 23), (COUNT, 7), (TEMP._replace(device="other"), 5)):
        await book.append(*points(series, *[(n * 1.0, n if series.kind is Kind.COUNTER else float(n)) for n in range(count)]))
    order = [COUNT, TEMP._replace(device="nobody"), TEMP, TEMP._replace(device="other")]
    wanted = [(series, *reading) for series in order for reading in book.readings(series) if ms(2) <= reading.t_ns < ms(20)]
    for size in (1, 4, 18, 26, 1_000):
        assert await read_in_pages(store, order, ms(2), ms(20), size) == wanted
    page = await store.read([COUNT], ms(0), ms(5), ms(3), 100)
    assert page.exact is not None
    assert page.exact.tolist() == [3, 4]


async def test_the_newest_of_each_series_is_found_however_old_it_is(store: HistoryStore) -> None:
    now_ns = time.time_ns() // 10**6 * 10**6
    book = Book(store)
    ages_s = [0, 50, 7_200, 86_400 * 3, 86_400 * 100, 86_400 * 400]
    wanted = [TEMP._replace(channel=f"age {age}") for age in ages_s]
    await book.append(
        *[(series, now_ns - age * 10**9 - back * 10**9, back + 0.5) for series, age in zip(wanted, ages_s, strict=True) for back in (0, 3)]
    )
    assert await store.latest(wanted) == {series: book.readings(series)[-1] for series in wanted}


async def test_ten_thousand_series_are_listed_and_answered(store: HistoryStore) -> None:
    wanted = [Series(f"device-{n // 10}", f"channel {n % 10}", "Cel", Kind.GAUGE) for n in range(10_000)]
    book = Book(store)
    await book.append(*[(series, ms(n % 100), n + 0.5) for n, series in enumerate(wanted)])
    assert await store.list_series() == sorted(wanted)
    latest = await store.latest(wanted)
    assert latest == {series: Reading(ms(n % 100), n + 0.5) for n, series in enumerate(wanted)}
    assert {s: r[0].value for s, r in (await store.query(wanted, us(0), us(100), 0, 20_000)).raw.items()} == {
        s: r.value for s, r in latest.items()
    }
    found = await buckets(store, wanted, us(0), us(100), 1_000_000)
    assert {series: each[us(0)].last for series, each in found.items()} == {series: reading.value for series, reading in latest.items()}


@pytest.mark.parametrize("name", ODD_NAMES)
async def test_a_name_is_kept_exactly_or_refused_and_touches_nobody_else(store: HistoryStore, name: str) -> None:
    book = Book(store)
    odd = [Series(name, "temp", "Cel", Kind.GAUGE), Series("pump", name, "Cel", Kind.GAUGE), Series("pump", "temp", name, Kind.GAUGE)]
    await book.append(*points(TEMP, (1, 1.0)), *[(series, ms(2 + at), 2.0 + at) for at, series in enumerate(odd)])
    assert all(book.reasons.values())
    for series in [TEMP, *odd]:
        assert await raw(store, series) == book.readings(series)
        assert list((await store.latest([series])).values()) == book.readings(series)
    assert plain(await buckets(store, [TEMP, *odd], us(0), us(10), 1_000)) == approximately(book.stretches(1_000))
    assert await store.list_series() == sorted(book.points)
    await store.delete_device(name)
    for series in [TEMP, *odd]:
        assert await raw(store, series) == ([] if series.device == name else book.readings(series))


async def test_a_deleted_device_is_in_no_answer_and_may_come_back(store: HistoryStore) -> None:
    book = Book(store)
    others = [TEMP._replace(device=name) for name in ("pump2", "pum", "PUMP")]
    for series in (TEMP, COUNT, *others):
        await book.append(*points(series, (1, 1.0)))
    await store.delete_device("pump")
    assert await raw(store, TEMP) == await raw(store, COUNT) == []
    assert await store.latest([TEMP, COUNT]) == {}
    assert await store.list_series() == sorted(others)
    assert plain(await buckets(store, [TEMP, *others], us(0), us(10), 1_000)).keys() == set(others)
    await store.delete_device("nobody")
    await book.append(*points(TEMP, (5, 5.0)))
    assert await raw(store, TEMP) == [Reading(ms(5), 5.0)]
    assert await store.list_series() == sorted([TEMP, *others])


async def test_a_reading_beyond_retention_is_refused_or_kept_or_its_absence_is_said(stand: Stand) -> None:
    now_us = time.time_ns() // 1_000
    store = await stand.open(Retention(raw_days=30))
    book = Book(store)
    old, young = (now_us - 40 * DAY_US) // 1_000 * 10**6, (now_us - DAY_US) // 1_000 * 10**6
    await book.append((TEMP, old, 1.0), (TEMP, young, 2.0))
    with trio.move_on_after(30):
        for _ in range(20):
            await store.tend(now_us)
            await store.make_safe()
    answer = await store.query([TEMP], now_us - 100 * DAY_US, now_us, 0, 10)
    found = {reading.t_ns for reading in answer.raw[TEMP]}
    assert young in found
    is_said = (TEMP, old) in book.reasons or (answer.kept_from_us is not None and answer.kept_from_us * 1_000 > old)
    assert old in found or is_said
    assert answer.kept_from_us is None or answer.kept_from_us < young // 1_000


async def test_safe_follows_only_after_make_safe(store: HistoryStore) -> None:
    await Book(store).append(*points(TEMP, (1, 1.0)), cursor=Cursor("j", 4))
    if store.syncs_before_it_answers:
        assert await store.make_safe() == Cursor("j", 4) == await store.safe()
    else:
        assert await store.make_safe() is None  # it trails
        assert await store.safe() is None


async def test_figures_and_closing_twice(store: HistoryStore) -> None:
    await Book(store).append(*points(TEMP, (1, 1.0)))
    statistics = await store.statistics()
    assert statistics["inserted_readings"] == 1
    assert statistics["queries"] >= 1
    assert statistics["bytes"] >= 0
    await store.aclose()
    await store.aclose()


async def test_a_server_that_is_gone_is_unavailable_until_it_is_back(stand: Stand) -> None:
    if not stand.address:
        return  # a store without a server has nothing that could go
    async with stand.proxy() as proxy:
        proxy.refuse()
        store = stand.make(proxy.url, Retention())
        with pytest.raises(StoreUnavailable):
            await store.start()
        proxy.heal()
        assert await store.cursor() is None
        await store.append(columns_of(points(TEMP, (1, 1.0))), Cursor("j", 1))
        proxy.refuse()
        proxy.cut()
        calls = [
            store.append(columns_of(points(TEMP, (2, 2.0))), Cursor("j", 2)),
            raw(store, TEMP),
            store.latest([TEMP]),
            store.list_series(),
        ]
        calls += [store.read([TEMP], 0, 2**62, 0, 10), store.delete_device("pump")]
        for call in calls:
            with pytest.raises(StoreUnavailable, match=r"."):
                await call
        proxy.heal()
        await store.cursor()
        await store.append(columns_of(points(TEMP, (1, 1.0), (2, 2.0))), Cursor("j", 2))
        await Book(store).shown(Cursor("j", 2))
        assert [reading.value for reading in await raw(store, TEMP)] == [1.0, 2.0]
        await store.aclose()
