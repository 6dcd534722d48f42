"""A manifest says what it said when it was written, or nothing."""

from contextlib import suppress
from pathlib import Path

import pytest

from hub.backup.manifest import NAME, FileEntry, Manifest, check_files, entry_of, read_manifest, write_manifest
from hub.core.errors import Refusal

MANIFEST = Manifest("2026-11-21T08:00:00+00:00", "test", "j", 7, 5, "DuckDB", {"frames": 3}, {"a/b.db": FileEntry(3, "0" * 64)})


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_manifest(tmp_path, MANIFEST)
    assert read_manifest(tmp_path) == MANIFEST
    assert MANIFEST.size_bytes == 3


def test_no_byte_of_it_can_change_unnoticed(tmp_path: Path) -> None:
    write_manifest(tmp_path, MANIFEST)
    whole = (tmp_path / NAME).read_bytes()
    for at in range(0, len(whole), 3):
        (tmp_path / NAME).write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
        with suppress(Refusal):
            assert read_manifest(tmp_path) == MANIFEST  # white space alone has changed


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 1}', "null", "x" * 100])
def test_what_is_no_manifest_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / NAME).write_text(text)
    with pytest.raises(Refusal, match="damaged"):
        read_manifest(tmp_path)


def test_a_file_outside_of_the_backup_is_not_looked_at(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("abc")
    folder = tmp_path / "backup"
    folder.mkdir()
    entry = entry_of(tmp_path / "secret", lambda size_bytes: None)
    manifest = Manifest("", "", "j", 0, None, "DuckDB", {}, {"../secret": entry})
    with pytest.raises(Refusal, match="lies outside"):
        check_files(folder, manifest, lambda size_bytes: None)
