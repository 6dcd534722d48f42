"""Three hundred injections as names in every history store: each is kept exactly or refused, and finds its own readings alone."""

from devices.wire.messages import Kind
from hub.core.records import Series
from hub.ports import HistoryStore
from tests.support.history_book import Book, Point, raw
from tests.support.injections import INJECTIONS

BASE_US = 1_760_054_400_000_000
PUMP = Series("pump", "temp", "Cel", Kind.GAUGE)


def named(text: str) -> list[Series]:
    return [PUMP._replace(device=text), PUMP._replace(channel=text), PUMP._replace(unit=text)]


async def test_an_injection_is_a_name_that_finds_its_own_readings_alone(store: HistoryStore) -> None:
    book = Book(store)
    await book.append((PUMP, BASE_US * 1_000, 1.0))
    for text in INJECTIONS:
        found = await store.query(named(text), BASE_US - 1, BASE_US + 10**7, 0, 10)
        assert not any(found.raw.values()), text
    points: list[Point] = []
    for text in INJECTIONS:
        points += [(series, (BASE_US + 1_000 * (len(points) + at + 1)) * 1_000, float(at)) for at, series in enumerate(named(text))]
    await book.append(*points)
    assert all(book.reasons.values())
    for text in INJECTIONS:
        found = await store.query(named(text), BASE_US - 1, BASE_US + 10**7, 0, 10)
        assert {series: found.raw.get(series, []) for series in named(text)} == {series: book.readings(series) for series in named(text)}
        assert len(found.raw) <= 3
    assert sorted(await store.list_series()) == sorted(book.points)
    for text in INJECTIONS[:: len(INJECTIONS) // 20]:
        await store.delete_device(text)
        assert await raw(store, PUMP._replace(device=text)) == []
    assert await raw(store, PUMP) == book.readings(PUMP)
