"""A store without a transaction shows any part of what it was given above its cursor: the picture is the truth all the same."""

import itertools
import random
from collections.abc import Sequence

import msgpack
import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from devices.wire.messages import Channel
from hub.core.buckets import Stretches, absorb
from hub.core.columns import columns_of
from hub.core.errors import Refusal
from hub.core.readings import bucket_of, points_in
from hub.core.records import Cursor, RangeAnswer, Row, RowKind, Series, StoredTo
from hub.core.selector import Request, Selector
from hub.ports import StoreRefused
from hub.sessions.picture import Picture
from hub.sessions.places import NOWHERE, OneJournal
from hub.sessions.snapshot import Painter
from tests.support.point_store import PointStore

SECOND = 1_000_000
NOW_US = 1_700_000_000 * SECOND
SPAN_S = 600
CHANNELS = (Channel("temp", "Cel"), Channel("hum", "%"))
WIDTHS = [0, SECOND // 10, SECOND, 10 * SECOND, 60 * SECOND, 3_600 * SECOND, 86_400 * SECOND]
Frame = list[tuple[int, int, float]]  # channel, t_us, value


class Book:
    """A journal in memory, all of which is fed."""

    id = "j"
    first = 1

    def __init__(self, frames: Sequence[Frame]) -> None:
        arrived_us = list(itertools.accumulate((max(t_us for _, t_us, _ in frame) for frame in frames), max))  # some come late, none early
        self.rows = [self._row(at + 1, frame, arrived_us[at]) for at, frame in enumerate(frames)]
        self.position = len(self.rows)

    def _row(self, position: int, frame: Frame, arrived_us: int) -> Row:
        base_us = frame[0][1]
        body = {"t": base_us, "c": [c for c, _, _ in frame], "d": [t - base_us for _, t, _ in frame], "v": [v for _, _, v in frame]}
        return Row(
            position, "pump", 5, position, RowKind.DATA, arrived_us, msgpack.packb({"e": 5, "s": position, "op": "data", **body}), None
        )

    def channels(self, device: str, epoch: int) -> tuple[Channel, ...]:
        return CHANNELS

    async def read(self, after: int) -> list[Row]:
        await trio.lowlevel.checkpoint()
        return self.rows[after : after + 3]

    async def wait_for(self, position: int) -> None:
        assert position <= self.position

    def points(self, first: int, last: int) -> dict[Series, dict[int, float]]:
        """Return the readings of rows from one position to another."""
        return points_in(columns_of(self.rows[first - 1 : last], self.channels))


def request(width_us: int) -> Request:
    return Request("a", Selector(None, None), SPAN_S * SECOND, width_us, None)


def buckets(points: dict[Series, dict[int, float]], width_us: int) -> dict[Series, Stretches]:
    found: dict[Series, Stretches] = {}
    for series, each in points.items():
        for t_ns, value in sorted(each.items()):
            absorb(found.setdefault(series, {}), t_ns // 1_000 // width_us * width_us, bucket_of(value, t_ns))
    return found


def check(picture: Picture, book: Book, store: PointStore) -> None:
    """Everything that is known whole is the truth; nothing anywhere is counted twice; what is missing will be told."""
    truth = book.points(1, book.position)
    late = [(stretch.from_us, stretch.to_us) for stretch in picture.late]
    if not picture.width_us:
        for series, points in truth.items():
            expected = {t_ns // store.resolution_ns * store.resolution_ns for t_ns in points if t_ns >= picture.from_us * 1_000}
            found = set(picture.points.get(series, {}))
            assert found <= expected
            assert all(any(a <= t_ns // 1_000 < b for a, b in late) for t_ns in expected - found)
        return
    width_us = picture.width_us
    for series, stretches in buckets(truth, width_us).items():
        found_buckets = picture.buckets.get(series, {})
        assert found_buckets.keys() <= stretches.keys()
        for start, bucket in stretches.items():
            if start < picture.from_us:
                continue
            shown = found_buckets.get(start)
            if shown is None or shown.count != bucket.count:
                assert shown is None or shown.count < bucket.count
                assert any(a < start + width_us and b > start for a, b in late)
                assert start < picture.whole_from_us
            else:
                assert (shown.min, shown.max, shown.last, shown.last_ns) == (bucket.min, bucket.max, bucket.last, bucket.last_ns)
                assert shown.sum == pytest.approx(bucket.sum)


TIMES = st.integers(-SPAN_S * 10, 100).map(lambda tenths: NOW_US + tenths * SECOND // 10)
READINGS = st.tuples(st.integers(0, 1), TIMES, st.floats(-100, 100))
FRAMES = st.lists(st.lists(READINGS, min_size=1, max_size=5), min_size=1, max_size=20)


@given(FRAMES, st.sampled_from(WIDTHS), st.integers(0, 20), st.integers(-10, SPAN_S), st.integers(0, 2**32), st.sampled_from([0, 3]))
def test_whatever_part_is_shown_above_the_cursor_nothing_is_missing_in_silence_or_there_twice(
    frames: list[Frame], width_us: int, applied: int, joint_back_s: int, seed: int, tail_rows: int
) -> None:
    rest, book, store = random.Random(seed), Book(frames), PointStore()
    applied = min(applied, book.position)
    store.at = Cursor("j", applied) if applied else None
    store.joint_us = lambda from_us, to_us: NOW_US - joint_back_s * SECOND
    for series, points in book.points(1, applied).items():
        store.points.update({(series, t_ns): value for t_ns, value in points.items()})
    for series, points in book.points(applied + 1, book.position).items():
        store.points.update({(series, t_ns): value for t_ns, value in points.items() if rest.random() < 0.5})

    async def paint() -> Picture:
        painter = Painter(book, store, book, lambda: NOW_US)
        return await painter.whole(request(width_us))

    with pytest.MonkeyPatch.context() as patch:
        if tail_rows:
            patch.setattr("hub.sessions.snapshot.MAX_TAIL_ROWS", tail_rows)
        picture = trio.run(paint)
    assert picture.position == book.position
    assert not picture.shown
    check(picture, book, store)
    # Once the store has everything the viewer is told, where anything was missing, and sees the truth.
    store.at = Cursor("j", book.position)
    for series, points in book.points(1, book.position).items():
        store.points.update({(series, t_ns): value for t_ns, value in points.items()})
    picture = trio.run(paint)
    assert not picture.late
    check(picture, book, store)


@given(FRAMES, st.sampled_from(WIDTHS), st.integers(1, 20))
def test_without_the_store_the_journal_is_shown_and_the_rest_is_a_hole(frames: list[Frame], width_us: int, tail_rows: int) -> None:
    book, store = Book(frames), PointStore()
    store.down = "away"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hub.sessions.snapshot.MAX_TAIL_ROWS", tail_rows)
        picture = trio.run(Painter(book, store, book, lambda: NOW_US).whole, request(width_us))
    assert picture.hole_us is not None
    assert picture.late
    check(picture, book, store)


@pytest.mark.parametrize("width_us", [0, SECOND])
async def test_of_what_no_journal_brings_again_the_viewer_has_to_be_told_wherever_it_is(width_us: int) -> None:
    book, store = Book([[(0, NOW_US - 2 * SECOND, 1.0)], [(0, NOW_US, 2.0)]]), PointStore()
    store.joint_us = lambda from_us, to_us: NOW_US - 60 * SECOND

    class Places(OneJournal):
        """Of a node that has let rows go before the store had them."""

        said = StoredTo(0)

        def stored_to(self, answer: RangeAnswer, asked_s: float) -> StoredTo:
            return self.said

    places, stretch = Places(book), (NOW_US - 9 * SECOND, NOW_US - 5 * SECOND)
    painter = Painter(book, store, book, lambda: NOW_US, places)
    assert not (await painter.whole(request(width_us))).late
    places.said = StoredTo(0, missing_us=stretch)  # the store will have it
    picture = await painter.whole(request(width_us))
    assert (picture.hole_us, [each.since for each in picture.late], picture.is_lacking) == (stretch, [NOWHERE], False)
    places.said = StoredTo(0, lacking_us=stretch)  # nobody knows when
    picture = await painter.whole(request(width_us))
    assert (picture.hole_us, picture.late, picture.is_lacking) == (stretch, [], True)


async def test_points_of_a_coarse_store_are_not_told_twice() -> None:
    book = Book([[(0, NOW_US - 5, 1.0)], [(0, NOW_US - 2_000, 2.0)]])
    store = PointStore(resolution_ns=1_000_000, joint_back_us=SECOND)
    for series, points in book.points(1, 2).items():
        store.points.update({(series, t_ns // 1_000_000): value for t_ns, value in points.items()})
    store.at = Cursor("j", 1)
    for width_us in (0, SECOND):
        picture = await Painter(book, store, book, lambda: NOW_US).whole(request(width_us))
        (stretches,) = picture.buckets.values() if width_us else [{}]
        assert (picture.count(), sum(bucket.count for bucket in stretches.values())) == ((2, 0) if not width_us else (0, 2))


async def test_a_store_that_never_answers_is_waited_for_once_and_then_left_alone(autojump_clock: trio.testing.MockClock) -> None:
    book, store = Book([[(0, NOW_US, 1.0)]]), PointStore()
    store.hangs = trio.Event()
    painter = Painter(book, store, book, lambda: NOW_US)
    began_s = trio.current_time()
    assert (await painter.whole(request(SECOND))).hole_us is not None
    assert 10 < trio.current_time() - began_s < 20
    again_s = trio.current_time()
    await painter.whole(request(60 * SECOND))
    assert trio.current_time() == again_s


async def test_a_question_that_the_store_refuses_is_told() -> None:
    class Strict(PointStore):
        async def query(self, *args: object) -> RangeAnswer:
            await trio.lowlevel.checkpoint()
            raise StoreRefused("more than 2,000,000 readings within a minute")

    with pytest.raises(Refusal, match="2,000,000"):
        await Painter(book := Book([]), Strict(), book, lambda: NOW_US).whole(request(SECOND))
