"""Which journals below a directory may be orphans, and that one goes without a trace that the next could trip over."""

from pathlib import Path

from hub.orphans.finding import Orphan, orphans_below, remove


def left(folder: Path, node: str | None = "gone") -> Path:
    folder.mkdir(parents=True)
    (folder / "journal.db").write_bytes(b"rows")
    if node is not None:
        (folder / "node").write_text(f"{node}\n")
    return folder


def test_directories_of_nodes_are_found_but_the_own_one_and_those_that_are_named(tmp_path: Path) -> None:
    own = left(tmp_path / "big-1", "big-1")
    left(tmp_path / "big-2", "big-2")
    third = left(tmp_path / "big-3", "big-3")
    assert list(orphans_below(tmp_path, own, ["big-1", "big-2"])) == [Orphan(third, "big-3")]


def test_a_copy_that_says_of_no_node_is_left_alone(tmp_path: Path) -> None:
    left(tmp_path / "backup", None)
    left(tmp_path / "odd", "")
    assert list(orphans_below(tmp_path, tmp_path, ())) == []


def test_a_journal_goes_with_its_logs_and_is_not_found_again(tmp_path: Path) -> None:
    folder = left(tmp_path / "big-3")
    for name in ("journal.db-wal", "journal.db-shm", "reserve", "parked.jsonl"):
        (folder / name).write_bytes(b"")
    (found,) = orphans_below(tmp_path, tmp_path, ())
    remove(found)
    assert sorted(path.name for path in folder.iterdir()) == ["node", "parked.jsonl"]  # what no store takes is for people
    assert list(orphans_below(tmp_path, tmp_path, ())) == []
