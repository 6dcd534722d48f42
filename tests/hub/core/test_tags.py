"""Tags and the expressions that choose devices by them."""

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.errors import Refusal
from hub.core.tags import MAX_DEPTH, MAX_EXPRESSION, MAX_TAGS, check_tags, parse

# What the page of the dashboard, which judges expressions by itself, is held to as well (tests/browser/tags.test.mjs).
TABLE: dict[str, Any] = json.loads((Path(__file__).parents[2] / "vectors" / "tag_expressions.json").read_text())
PUMP: dict[str, str] = TABLE["facts"]
KEYS = st.sampled_from(["floor", "outdoor", "kind", "or2", "a.b"])
VALUES = st.sampled_from(["2", "21", "pump", "hall 3", "ü", "and", ""])
FACTS = st.dictionaries(KEYS, VALUES)


def refusal(expression: str) -> str:
    with pytest.raises(Refusal) as refused:
        parse(expression)
    assert (refused.value.code, refused.value.status) == ("bad_where", 422)
    return refused.value.message


@pytest.mark.parametrize(("expression", "is_meant"), TABLE["meant"])
def test_an_expression_means_what_it_says(expression: str, is_meant: bool) -> None:
    assert parse(expression)(PUMP) is is_meant


@pytest.mark.parametrize(("expression", "said"), TABLE["refused"])
def test_what_cannot_be_read_is_refused_with_the_place(expression: str, said: str) -> None:
    assert said in refusal(expression)


def test_an_expression_has_limits() -> None:
    assert f"{MAX_EXPRESSION:,}" in refusal("a" * (MAX_EXPRESSION + 1))
    assert str(MAX_DEPTH) in refusal("(" * 500 + "a" + ")" * 500)
    assert str(MAX_DEPTH) in refusal("not " * 200 + "a")
    assert parse(" or ".join(["floor=2"] * 80))(PUMP)


@given(st.text(max_size=60))
def test_any_text_is_an_expression_or_a_refusal(text: str) -> None:
    with suppress(Refusal):
        assert parse(text)(PUMP) in (True, False)


Tree = tuple[Any, ...]  # has key | = key value | != key value | not tree | and tree tree | or tree tree
LEAVES = st.one_of(st.tuples(st.just("has"), KEYS), st.tuples(st.sampled_from(["=", "!="]), KEYS, VALUES))
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.tuples(st.just("not"), inner), st.tuples(st.sampled_from(["and", "or"]), inner, inner)),
    max_leaves=12,
)


def written(tree: Tree) -> str:
    """Write a tree with all its parentheses."""
    match tree:
        case ("has", str(key)):
            return key
        case (("=" | "!=") as mark, str(key), str(value)):
            return f'{key} {mark} "{value}"'
        case ("not", inner):
            return f"not ({written(inner)})"
        case (word, left, right):
            return f"({written(left)}) {word} ({written(right)})"
    raise AssertionError(tree)


def holds(tree: Tree, facts: Mapping[str, str]) -> bool:
    """Say what a tree means, in the plainest way."""
    match tree:
        case ("has", key):
            return key in facts
        case ("=", key, value):
            return bool(facts.get(str(key)) == value)
        case ("!=", key, value):
            return bool(facts.get(str(key)) != value)
        case ("not", inner):
            return not holds(inner, facts)
        case ("and", left, right):
            return holds(left, facts) and holds(right, facts)
        case (_, left, right):
            return holds(left, facts) or holds(right, facts)
    raise AssertionError(tree)


@given(TREES, FACTS)
def test_every_expression_means_what_its_tree_means(tree: Tree, facts: Mapping[str, str]) -> None:
    assert parse(written(tree))(facts) is holds(tree, facts)


@given(st.lists(LEAVES, min_size=1, max_size=6), st.data(), FACTS)
def test_and_binds_closer_than_or(leaves: list[Tree], data: st.DataObject, facts: Mapping[str, str]) -> None:
    words = [data.draw(st.sampled_from(["and", "or"])) for _ in leaves[1:]]
    text = written(leaves[0]) + "".join(f" {word} {written(leaf)}" for word, leaf in zip(words, leaves[1:], strict=True))
    groups: list[list[Tree]] = [[leaves[0]]]
    for word, leaf in zip(words, leaves[1:], strict=True):
        groups.append([leaf]) if word == "or" else groups[-1].append(leaf)
    assert parse(text)(facts) is any(all(holds(leaf, facts) for leaf in group) for group in groups)


def test_tags_are_kept_in_order_each_key_once() -> None:
    assert check_tags(["outdoor", "floor=2", "room=Küche 3"]) == ("floor=2", "outdoor", "room=Küche 3")
    assert check_tags([]) == ()


BAD = ["", "=2", "a b", "ü", "a=", "a= b", "a=b;c", "a=b*", 'a="b"', "a=" + "x" * 65, "x" * 65, "a=b\n", "a=\ud800"]
TAKEN = ["and", "not=1", "name=x", "presence=online", "disabled"]


@pytest.mark.parametrize("tags", [*([tag] for tag in BAD + TAKEN), ["a", "a=1"], [f"t{n}" for n in range(MAX_TAGS + 1)]])
def test_a_tag_that_no_expression_could_mean_is_refused(tags: list[str]) -> None:
    with pytest.raises(Refusal) as refused:
        check_tags(tags)
    assert refused.value.code == "bad_tag"
    assert refused.value.hint
