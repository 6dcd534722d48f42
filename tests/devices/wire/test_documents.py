"""What a document may hold, what a patch does to it, and that a delta closes the distance between desired and reported."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.wire.documents import checked_document, delta, document_bytes, is_same, merged
from devices.wire.fields import BadMessage
from devices.wire.limits import MAX_DOCUMENT_BYTES

KEYS = st.sampled_from(["a", "b", "c", "d"])
LEAVES = (
    st.booleans() | st.integers(-3, 3) | st.floats(-2, 2).map(lambda x: round(x, 1)) | st.sampled_from(["", "x"]) | st.lists(st.booleans())
)
VALUES = st.recursive(LEAVES, lambda inner: st.dictionaries(KEYS, inner, max_size=3), max_leaves=6)
DOCUMENTS = st.dictionaries(KEYS, VALUES, max_size=4)
PATCHES = st.dictionaries(KEYS, st.recursive(LEAVES | st.none(), lambda inner: st.dictionaries(KEYS, inner, max_size=3), max_leaves=6))


def without_more(reported: Any, desired: Any) -> Any:
    """Return what is reported of the keys that are desired."""
    if not isinstance(desired, dict) or not isinstance(reported, dict):
        return reported
    return {key: without_more(reported[key], desired[key]) for key in desired if key in reported}


@given(DOCUMENTS, DOCUMENTS)
def test_a_delta_applied_to_what_is_reported_gives_what_is_desired(desired: dict[str, Any], reported: dict[str, Any]) -> None:
    after = merged(reported, delta(desired, reported))
    assert is_same(without_more(after, desired), desired)
    assert delta(desired, after) == {}
    assert {key: after[key] for key in reported if key not in desired} == {key: reported[key] for key in reported if key not in desired}


@given(DOCUMENTS)
def test_there_is_no_delta_to_the_same_and_a_whole_one_to_nothing(document: dict[str, Any]) -> None:
    assert delta(document, document) == {}
    assert delta(document, {}) == document
    assert merged({}, document) == document


@given(DOCUMENTS, PATCHES)
def test_a_patch_applied_twice_does_the_same_as_once_and_leaves_no_null(document: dict[str, Any], patch: dict[str, Any]) -> None:
    before = repr(document)
    once = merged(document, patch)
    assert merged(once, patch) == once
    assert repr(document) == before
    checked_document(once) if depth(once) <= 3 else None
    assert all(key not in once for key, value in patch.items() if value is None)


def depth(value: Any) -> int:
    return 1 + max(map(depth, value.values()), default=0) if isinstance(value, dict) else int(isinstance(value, list))


def test_true_is_not_one_and_one_is_one_point_nought() -> None:
    assert delta({"a": True}, {"a": 1}) == {"a": True}
    assert delta({"a": [1, {"b": 0}]}, {"a": [1.0, {"b": False}]}) == {"a": [1, {"b": 0}]}
    assert delta({"a": 1, "b": [1, 2]}, {"a": 1.0, "b": [1.0, 2]}) == {}


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (5, "must be a map with text keys, not 5"),
        ([], "must be a map with text keys"),
        ({1: 2}, "text keys"),
        ({"": 1}, "1 to 64 bytes"),
        ({"x" * 65: 1}, "over the limit of 64"),
        ({"a\n": 1}, "control characters"),
        ({"a": None}, "holds null"),
        ({"a": [None]}, "holds null"),
        ({"a": b"x"}, "neither bool"),
        ({"a": float("nan")}, "not a finite number"),
        ({"a": 2**63}, "outside int64"),
        ({"a": "\ud800"}, "no Unicode"),
        ({"a": {"b": {"c": {}}}}, "nested deeper than 3"),
        ({"a": {str(n): n for n in range(257)}}, "257 items, over the limit of 256"),
        ({"a": "x" * MAX_DOCUMENT_BYTES}, "over the limit of 8,192"),
    ],
)
def test_what_no_document_may_hold_is_named_with_the_limit(document: object, said: str) -> None:
    with pytest.raises(BadMessage, match=said):
        checked_document(document)


def test_a_document_up_to_the_limits_is_let_pass_and_null_only_in_the_maps_of_a_patch() -> None:
    full = {"a": {"b": {"c": -(2**63), "d": True, "e": 1.5, "f": "ü"}}, "g": [1, [2]]}
    full["h"] = "x" * (MAX_DOCUMENT_BYTES - document_bytes(full) - 5)
    assert document_bytes(full) == MAX_DOCUMENT_BYTES
    assert checked_document(full) == full
    assert checked_document({"a": None, "b": {"c": None}}, is_patch=True) == {"a": None, "b": {"c": None}}
    with pytest.raises(BadMessage, match="null"):
        checked_document({"a": [None]}, is_patch=True)
