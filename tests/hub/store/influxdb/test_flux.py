"""Questions in Flux: whatever is in a name stays a name."""

import re

from hypothesis import given
from hypothesis import strategies as st

from devices.wire.messages import Kind
from hub.core.records import Series
from hub.store.influxdb import flux

NAMES = st.text(st.one_of(st.sampled_from(list("\"\\${}\n\r\0'|>()=")), st.characters(exclude_categories=["Cs"])), max_size=20)


@given(NAMES)
def test_a_literal_holds_nothing_that_flux_reads(text: str) -> None:
    written = flux.literal(text)
    assert re.fullmatch(r'"([A-Za-z0-9_.:\- ]|\\x[0-9a-f]{2})*"', written)
    assert re.sub(r"\\x(..)", lambda found: chr(int(found[1], 16)), written[1:-1]).encode("latin-1").decode() == text


def test_devices_of_equal_channels_share_a_clause_and_no_query_names_too_many() -> None:
    fleet = [Series(f"d{n}", f"c{channel}", "", Kind.GAUGE) for n in range(1_200) for channel in range(10)]
    found = list(flux.clauses(fleet))
    assert len(found) == 3
    assert all(each.count("==") <= flux.MAX_TERMS for each in found)
    assert {f"d{n}" for n in range(1_200)} == {name for each in found for name in re.findall(r'r\.device == "(d\d+)"', each)}


def test_every_device_of_other_channels_is_let_through_with_its_own() -> None:
    fleet = [Series(f"d{n}", f"of d{n}, {c}", "", Kind.GAUGE) for n in range(400) for c in range(1 + n % 3)]
    text = "\n".join(flux.clauses(fleet))
    assert text.count("r.device ==") == 400
    assert text.count("r.channel ==") == len(fleet)


def test_a_device_of_very_many_channels_takes_several_queries() -> None:
    found = list(flux.clauses([Series("d", f"c{n}", "", Kind.GAUGE) for n in range(1_000)]))
    assert len(found) > 1
    assert sum(each.count("r.channel ==") for each in found) == 1_000


def test_what_no_point_can_be_called_is_not_asked_for() -> None:
    assert (
        list(flux.clauses([Series("d\n", "c", "", Kind.GAUGE), Series("d", "\ud800", "", Kind.GAUGE), Series("", "c", "", Kind.GAUGE)]))
        == []
    )


def test_alternatives_are_nested_as_a_tree_and_not_as_a_chain() -> None:
    (text,) = flux.clauses([Series(f"d{n}", "c", "", Kind.GAUGE) for n in range(256)])
    deepest = depth = 0
    for char in text:
        depth += (char == "(") - (char == ")")
        deepest = max(deepest, depth)
    assert deepest < 15
