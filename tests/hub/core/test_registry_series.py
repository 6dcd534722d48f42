"""How many series a device may have: what counts, for how long, and who is let in all the same."""

from typing import Any

from devices.wire.messages import Channel, Hello, Kind, Unfinished
from hub.core.registry_channels import described
from hub.core.registry_series import FORMER, SeriesBound, lists_of

DAY_US = 86_400_000_000
BOUND = SeriesBound(most=6, kept_days=30)


def channels(begin: str, count: int = 2) -> tuple[Channel, ...]:
    return tuple(Channel(f"{begin}{number}", "Cel") for number in range(count))


def after(*hellos: Hello, day: int = 100, bound: SeriesBound = BOUND) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for each in hellos:
        kept = described(each, kept, day * DAY_US, bound)
    return kept


def refused(kept: dict[str, Any], hello: Hello, day: int = 100, bound: SeriesBound = BOUND) -> str | None:
    return bound.refuses(lists_of(hello), kept, day * DAY_US)


def test_a_device_that_declares_others_at_each_hello_is_refused_at_the_bound() -> None:
    kept = after(*[Hello("pump", number + 1, channels(name)) for number, name in enumerate("abc")])
    said = refused(kept, Hello("pump", 9, channels("d", 1)))
    assert said is not None
    assert "1 new series" in said
    assert "beside 6" in said
    assert "max_series_per_device, 6" in said
    assert "30 days" in said


def test_what_it_had_before_is_let_in_at_the_bound_and_beyond() -> None:
    kept = after(*[Hello("pump", number + 1, channels(name)) for number, name in enumerate("abc")])
    assert refused(kept, Hello("pump", 9, channels("a"))) is None
    assert refused(kept, Hello("pump", 9, channels("c"))) is None
    assert refused(kept, Hello("pump", 9, channels("b")), bound=SeriesBound(1)) is None  # the setting was lowered since


def test_the_same_hello_again_counts_nothing_and_changes_nothing() -> None:
    kept = after(Hello("pump", 1, channels("a")), Hello("pump", 2, channels("b")))
    assert len(kept[FORMER]) == 2
    assert described(Hello("pump", 3, channels("b")), kept, 100 * DAY_US, BOUND) == kept
    assert FORMER not in after(Hello("pump", 1, channels("a")), Hello("pump", 2, channels("a")))


def test_another_unit_or_kind_is_another_series_and_another_range_is_none() -> None:
    first = Hello("pump", 1, (Channel("temp", "Cel"),))
    kept = after(first, Hello("pump", 2, (Channel("temp", "Cel", min=0.0, max=9.0),)))
    assert FORMER not in kept
    kept = after(first, Hello("pump", 2, (Channel("temp", "K"),)), Hello("pump", 3, (Channel("temp", "K", Kind.COUNTER),)))
    assert len(kept[FORMER]) == 2


def test_series_of_unfinished_epochs_count_as_well() -> None:
    hello = Hello("pump", 1, channels("a"), (Unfinished(7, 1, 1, channels("b")), Unfinished(8, 1, 1, channels("c", 3))))
    said = refused({}, hello)
    assert said is not None
    assert "7 new series" in said
    kept = after(Hello("pump", 1, channels("a"), (Unfinished(7, 1, 1, channels("b")), Unfinished(8, 1, 1))))
    assert len(kept[FORMER]) == 2


def test_a_series_counts_until_the_longest_retention_has_passed_since_it_was_last_declared() -> None:
    kept = after(*[Hello("pump", number + 1, channels(name)) for number, name in enumerate("abc")])
    new = Hello("pump", 9, channels("d"))
    assert refused(kept, new, day=130) is not None
    assert refused(kept, new, day=131) is None
    later = described(Hello("pump", 9, channels("c")), kept, 131 * DAY_US, BOUND)
    assert FORMER not in later
    assert refused(kept, new, day=100_000, bound=SeriesBound(6)) is not None  # a history that keeps for ever


def test_a_series_that_was_declared_for_years_counts_from_its_last_day() -> None:
    kept = after(Hello("pump", 1, channels("a", 6)))
    kept = described(Hello("pump", 2, channels("b", 0)), kept, 1_000 * DAY_US, BOUND)
    assert refused(kept, Hello("pump", 3, channels("c")), day=1_030) is not None
    assert refused(kept, Hello("pump", 3, channels("c")), day=1_031) is None


def test_imported_series_count_as_ones_that_the_device_had() -> None:
    kept = after(Hello("pump", 1, channels("a")))
    former = BOUND.after_import((*channels("a"), *channels("b", 3)), kept, 100 * DAY_US)
    assert len(former) == 3
    assert refused(kept | {FORMER: former}, Hello("pump", 2, channels("c"))) is not None
