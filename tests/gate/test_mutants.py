"""Mutants of a few lines: each place once, and none that nobody promised anything about."""

from tests.gate.mutants import count_of, mutant

SOURCE = '''"""What it owns."""

LIMIT: int | None = 3


def passes(level: "int | str", flags: int) -> bool:
    """Tell."""
    if level < LIMIT and not flags:
        _log.info("passes", level=1)
        note(level)
        id_ = secrets.token_hex(8)
        pairs = list(zip(level, flags, strict=True))
        said = f"not {level[:64]!r}"
        return level + flags
    return False
'''


def changes() -> set[tuple[str, str]]:
    found = (mutant("x.py", SOURCE, number) for number in range(count_of(SOURCE)))
    return {(each.before, each.after) for each in found}


def test_comparisons_numbers_conditions_and_statements_are_changed() -> None:
    assert changes() == {
        ("3", "4"),
        ("if level < LIMIT and (not flags):", "if not (level < LIMIT and (not flags)):"),
        ("level < LIMIT and (not flags)", "level < LIMIT or not flags"),
        ("level < LIMIT", "level <= LIMIT"),
        ("not flags", "flags"),
        ("note(level)", "pass"),
        ("return level + flags", "return None"),
        ("level + flags", "level - flags"),
        ("False", "True"),
    }


def test_a_mutant_is_the_whole_file_with_one_change() -> None:
    first = mutant("x.py", SOURCE, 0)
    assert (first.path, first.line) == ("x.py", 3)
    assert "LIMIT: int | None = 4" in first.text
    assert "level < LIMIT and" in first.text
