"""How far devices came is known after a kill -9, life by life."""

from pathlib import Path

from simulators.fleet.lives import Life, Lives, frames_of, read_lives


def test_each_life_says_what_was_begun_and_what_returned(tmp_path: Path) -> None:
    with Lives(tmp_path, 2, 0, 3) as lives:
        lives.start(0, 0)
        for number in range(5):
            lives.begin(0, number)
            lives.returned(0, number, is_sent=number != 3)  # which had no reading
        lives.begin(0, 5)
        lives.start(1, 7)  # made nothing
    with Lives(tmp_path, 2, 1, 3) as lives:
        lives.start(0, 9)
        lives.begin(0, 9)
        assert read_lives(tmp_path, 2, 3)[0][-1] == Life(9, 10, 9)  # while it is written
        lives.returned(0, 9)
    found = read_lives(tmp_path, 2, 3)
    assert found == [[Life(0, 6, 5, 4), Life(9, 10, 10, 1)], [], []]
    assert frames_of(found[0]) == 5
