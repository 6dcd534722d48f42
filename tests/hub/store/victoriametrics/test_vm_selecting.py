"""Names in PromQL: every literal stands for exactly its text."""

import json
import re

from hypothesis import given
from hypothesis import strategies as st

from devices.wire.messages import Kind
from hub.core.records import Series
from hub.store.victoriametrics.selecting import MAX_SELECTOR_CHARS, literal, of_device, pattern, selectors, series_of

TEXTS = st.text(st.characters(codec="utf-8"), max_size=40)
NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
_LITERAL = re.compile(r'"(?:[^"\\]|\\u[0-9a-f]{4}|\\U[0-9a-f]{8})*"')


def unquoted(text: str) -> str:
    """Read a literal as Go does: only the escapes that are written here occur."""
    assert _LITERAL.fullmatch(text)
    return re.sub(r"\\u([0-9a-f]{4})|\\U([0-9a-f]{8})", lambda found: chr(int(found[1] or found[2], 16)), text[1:-1])


@given(TEXTS)
def test_a_literal_is_plain_ascii_and_reads_back_as_its_text(text: str) -> None:
    assert literal(text).isascii()
    assert literal(text).isprintable()
    assert unquoted(literal(text)) == text


@given(st.lists(TEXTS, min_size=1, max_size=5), TEXTS)
def test_a_pattern_matches_its_texts_and_no_other(texts: list[str], other: str) -> None:
    expression = re.compile(f"(?:{unquoted(pattern(texts))})", re.DOTALL)
    assert all(expression.fullmatch(text) for text in texts)
    assert bool(expression.fullmatch(other)) == (other in texts)


@given(st.sets(st.builds(Series, NAMES, NAMES, TEXTS, st.sampled_from(Kind)), min_size=1, max_size=30))
def test_selectors_name_every_device_and_channel_that_is_wanted(wanted: set[Series]) -> None:
    chosen = selectors(sorted(wanted))
    for series in wanted:
        assert any(_names(each, "device", series.device) and _names(each, "channel", series.channel) for each in chosen)


def _names(selector: str, label: str, text: str) -> bool:
    found = re.search(rf'[{{,]{label}(=~?)("(?:[^"\\]|\\.)*")', selector)
    assert found is not None
    written = unquoted(found[2])
    return written == text if found[1] == "=" else re.fullmatch(f"(?:{written})", text, re.DOTALL) is not None


def test_many_devices_of_the_same_channels_share_few_selectors_that_are_short_enough() -> None:
    wanted = [Series(f"device-{n:06}", f"channel {at}", "Cel", Kind.GAUGE) for n in range(1_000) for at in range(10)]
    chosen = selectors(wanted)
    assert len(chosen) < 6
    assert max(map(len, chosen)) < MAX_SELECTOR_CHARS


def test_a_device_is_matched_exactly() -> None:
    assert of_device('a"} or up{x="') == '{__name__="tributary_reading",device="a\\u0022} or up{x=\\u0022"}'


def test_labels_of_somebody_else_are_no_series() -> None:
    assert series_of({"__name__": "tributary_reading", "job": "node"}) is None
    assert series_of({"device": "a", "channel": "b", "kind": "nonsense"}) is None
    assert series_of(json.loads('{"device": "a", "channel": "b", "kind": "gauge"}')) == Series("a", "b", "", Kind.GAUGE)
