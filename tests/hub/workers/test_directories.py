"""What is made before workers start: their directories, one credential for all, and a place for the journal of a hub that was alone."""

from contextlib import closing
from pathlib import Path

from hub.config import Settings
from hub.core.records import Row, RowKind
from hub.journal import SQLiteJournalFile
from hub.orphans.finding import Orphan, orphans_below
from hub.ports import Opening
from hub.workers.directories import prepare
from hub.workers.plan import names_of
from tests.support.owner import CHANNELS


def settings_on(directory: Path) -> Settings:
    return Settings(
        data_dir=directory, workers=2, state="redis", redis_url="redis://h:6379/0", store="victoriametrics+http://h:1", node="big"
    )


def test_a_credential_of_all_is_found_in_each_directory(tmp_path: Path) -> None:
    for _ in range(2):  # the second time it is all there
        prepare(settings_on(tmp_path))
        tokens = {(tmp_path / name / "admin.token").read_text() for name in ("big-1", "big-2", ".")}
        assert len(tokens) == 1


def test_a_credential_of_its_own_that_a_directory_has_from_before_gives_way(tmp_path: Path) -> None:
    (tmp_path / "big-1").mkdir()
    (tmp_path / "big-1" / "admin.token").write_text("old\n")
    prepare(settings_on(tmp_path))
    assert (tmp_path / "big-1" / "admin.token").read_text() == (tmp_path / "admin.token").read_text() != "old\n"


def test_the_journal_of_a_hub_that_was_alone_becomes_an_orphan_with_all_of_its_frames(tmp_path: Path) -> None:
    lived = tmp_path / "lived"
    lived.mkdir()
    file = SQLiteJournalFile(lived / "journal.db")
    before = file.open()
    file.commit([Opening("pump", 7, CHANNELS, 1)], [Row(0, "pump", 7, 1, RowKind.DATA, 1, b"body", None)], {("pump", 7): 1})
    for name in ("journal.db", "journal.db-wal"):  # as one leaves it who is killed
        (tmp_path / name).write_bytes((lived / name).read_bytes())
    file.close()
    settings = settings_on(tmp_path)
    prepare(settings)
    (orphan,) = orphans_below(tmp_path, tmp_path / "big-1", names_of(settings))
    assert orphan == Orphan(tmp_path / "big.1", "big")
    assert not list(tmp_path.glob("journal.db*"))
    with closing(SQLiteJournalFile(orphan.journal)) as moved:
        after = moved.open()
        assert (after.journal, after.last) == (before.journal, 1)
        assert [row.body for row in moved.read(0, 10, 1_000)] == [b"body"]
