"""The administrator's credential is made once, kept, and never what a disk makes of a file that it had not written yet."""

from pathlib import Path

import pytest

from hub.auth.admin_token import read_or_make


def test_it_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "admin.token"
    token = read_or_make(path)
    assert len(token) == 43
    assert (read_or_make(path), path.stat().st_mode & 0o777, path.read_text()) == (token, 0o600, f"{token}\n")
    assert [each.name for each in tmp_path.iterdir()] == ["admin.token"]


@pytest.mark.parametrize("content", [b"", bytes(44), b"\xff" * 44, "å".encode()])
def test_what_no_hub_wrote_is_replaced(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "admin.token"
    path.write_bytes(content)
    assert len(read_or_make(path)) == 43
