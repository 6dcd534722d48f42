"""Tokens are drawn so that they can be typed wherever they are needed."""

import pytest

from hub.core.registry_tokens import hash_token, new_token


def test_no_token_looks_like_an_option_of_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter(["-h", "--help", "a-b"])
    monkeypatch.setattr("hub.core.registry_tokens.secrets.token_urlsafe", lambda size: next(drawn))
    assert new_token() == "a-b"


def test_each_token_is_its_own_and_is_kept_as_a_hash() -> None:
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert {len(token) for token in tokens} == {43}
    assert len({hash_token(token) for token in tokens}) == 100
