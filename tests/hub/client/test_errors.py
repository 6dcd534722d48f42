"""What an error answer becomes."""

import pytest

from hub.client.errors import refused


def test_answer_of_a_hub_keeps_its_three_parts() -> None:
    error = refused(404, b'{"code": "no_device", "message": "no device is called x", "hint": "see: tributary device list"}')
    assert (error.code, error.message, error.hint, error.status) == (
        "no_device", "no device is called x", "see: tributary device list", 404,
    )  # fmt: skip


@pytest.mark.parametrize("body", [b"", b"<html>Bad gateway</html>", b"[]", b'"text"', b"{}", b"\xff"])
def test_answer_of_something_else_is_told_by_its_status(body: bytes) -> None:
    error = refused(502, body)
    assert error.code == "bad_answer"
    assert "502" in error.message
