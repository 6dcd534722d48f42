"""Tags of devices, and expressions that choose devices by them: `floor=2 and not kind=test`.

Owns the two grammars (docs/api.md, Tags) and their limits; knows no device. The registry, and whoever means a set of devices, asks it.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

from devices.wire.fields import shown
from hub.core.errors import Refusal

MAX_TAGS: Final = 32  # of one device: all of them go to each viewer with each change of it
MAX_WORD: Final = 64  # characters of a key, and of a value
MAX_EXPRESSION: Final = 1_024  # characters
MAX_DEPTH: Final = 32  # parentheses and nots within each other: the parser calls itself
# What a device is asked for like a tag, and no tag may be.
OWN: Final = ("name", "kind", "title", "firmware", "presence", "disabled", "flapping")
_OPERATORS: Final = ("and", "or", "not")
_KEY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:\-]{0,63}\Z")
_TOKEN: Final = re.compile(r'\s*(?:(?P<mark>!=|=|\(|\))|"(?P<quoted>[^"]*)"|(?P<word>[^\s=!()"]+))')
_HINT: Final = 'write it as: floor=2 and not (kind=test or outdoor); values with blanks stand in "quotes"'

Facts = Mapping[str, str]  # of one device: each tag's key and its value, "" for a plain word; and what OWN names
Where = Callable[[Facts], bool]


class _Token(NamedTuple):
    text: str
    is_mark: bool
    is_quoted: bool
    at: int


def check_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """Return tags in order, each a plain word or key=value. Raises Refusal with the limit and the value."""
    found: dict[str, str] = {}
    for tag in tags:
        key = _check_tag(tag)
        if key in found:
            raise Refusal("bad_tag", f"the tags hold {shown(key)} twice", "give each key one value", 422)
        found[key] = tag
    if len(found) > MAX_TAGS:
        raise Refusal("bad_tag", f"{len(found)} tags are over the limit of {MAX_TAGS}", "give fewer tags", 422)
    return tuple(found[key] for key in sorted(found))


def _check_tag(tag: str) -> str:
    key, mark, value = tag.partition("=")
    if not _KEY.match(key):
        rule = f"a tag is a word or key=value; word and key are 1 to {MAX_WORD} of A-Z a-z 0-9 . _ : - and begin with a letter or digit"
        raise Refusal("bad_tag", f"{rule}; this is {shown(tag)}", "choose another tag", 422)
    if key in OWN or key in _OPERATORS:
        raise Refusal("bad_tag", f"no tag may be called {key}: an expression means something else by it", "choose another word", 422)
    if mark and not _is_value(value):
        rule = f'the value of a tag is 1 to {MAX_WORD} printable characters but for " ; and *, with no blank at either end'
        raise Refusal("bad_tag", f"{rule}; this is {shown(tag)}", "choose another value", 422)
    return key


def _is_value(value: str) -> bool:
    return 0 < len(value) <= MAX_WORD and value.isprintable() and value == value.strip() and not set(value) & set('";*')


def facts_of(tags: Iterable[str]) -> dict[str, str]:
    """Return what an expression is asked of: each key with its value, "" for a plain word."""
    return {key: value for key, _, value in (tag.partition("=") for tag in tags)}


def parse(expression: str) -> Where:
    """Return the test that an expression stands for.

    `key=value`, `key!=value` (also where there is no such key), a plain word (there is such a tag), `and`, `or`, `not`, parentheses; a
    value that ends in * means all that begin like it. Raises Refusal, which says where.
    """
    if len(expression) > MAX_EXPRESSION:
        raise Refusal("bad_where", f"an expression of {len(expression):,} characters is over the limit of {MAX_EXPRESSION:,}", _HINT, 422)
    parser = _Parser(_tokens(expression), len(expression))
    where = parser.any_of(0)
    if (left := parser.next()) is not None:
        raise _wrong(f"{shown(left.text)} at character {left.at + 1} has no and or or before it")
    return where


def _wrong(said: str) -> Refusal:
    return Refusal("bad_where", said, _HINT, 422)


def _tokens(expression: str) -> list[_Token]:
    text, at, found = expression.rstrip(), 0, list[_Token]()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise _wrong(f"character {at + 1} of the expression, {shown(text[at:].lstrip()[:1])}, has no meaning there")
        kind = str(match.lastgroup)
        found.append(_Token(match[kind], kind == "mark", kind == "quoted", match.start(kind)))
        at = match.end()
    return found


class _Parser:
    """Goes through the tokens once; each method takes what it names and returns its test."""

    def __init__(self, tokens: list[_Token], end: int) -> None:
        self._tokens = tokens
        self._end = end
        self._at = 0

    def next(self) -> _Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def any_of(self, depth: int) -> Where:
        tests = [self._all_of(depth)]
        while self._takes("or"):
            tests.append(self._all_of(depth))
        return tests[0] if len(tests) == 1 else lambda facts: any(test(facts) for test in tests)

    def _all_of(self, depth: int) -> Where:
        tests = [self._one(depth)]
        while self._takes("and"):
            tests.append(self._one(depth))
        return tests[0] if len(tests) == 1 else lambda facts: all(test(facts) for test in tests)

    def _one(self, depth: int) -> Where:
        if depth > MAX_DEPTH:
            raise _wrong(f"the expression is nested deeper than the limit of {MAX_DEPTH}")
        if self._takes("not"):
            inverted = self._one(depth + 1)
            return lambda facts: not inverted(facts)
        if self._takes("(", is_mark=True):
            within = self.any_of(depth + 1)
            if not self._takes(")", is_mark=True):
                raise self._expected(")")
            return within
        return self._comparison()

    def _comparison(self) -> Where:
        key = self._word("a tag")
        if self._takes("=", is_mark=True):
            return _equals(key, self._word("a value"))
        if self._takes("!=", is_mark=True):
            equal = _equals(key, self._word("a value"))
            return lambda facts: not equal(facts)
        return lambda facts: key in facts

    def _word(self, wanted: str) -> str:
        token = self.next()
        if token is None or token.is_mark or (not token.is_quoted and token.text in _OPERATORS):
            raise self._expected(wanted)
        self._at += 1
        return token.text

    def _takes(self, text: str, *, is_mark: bool = False) -> bool:
        token = self.next()
        is_it = token is not None and token.text == text and token.is_mark is is_mark and not token.is_quoted
        self._at += is_it
        return is_it

    def _expected(self, wanted: str) -> Refusal:
        token = self.next()
        where = f"after character {self._end}" if token is None else f"at character {token.at + 1}, not {shown(token.text)}"
        return _wrong(f"the expression needs {wanted} {where}")


def _equals(key: str, value: str) -> Where:
    if value.endswith("*"):
        return lambda facts: key in facts and facts[key].startswith(value[:-1])
    return lambda facts: facts.get(key) == value
