"""What cannot be sent is counted by reason, and reads so that its owner finds it."""

from hub.core.exchange.table import bad_cell
from simulators.replay.unsent import MAX_REASONS, Unsent


def test_cells_that_are_wrong_in_one_way_are_one_reason_with_its_first_row() -> None:
    unsent = Unsent()
    for row, value in ((1_203, "warm"), (1_207, "it's"), (1_300, 'a "b" c\n')):
        unsent.add_cell(bad_cell(row, "temp", value, "is no number", "").message)
    unsent.add_cell(bad_cell(7, "t x", None, "is no time", "").message)
    unsent.add("pump: a reason", "row 9", 2)
    assert unsent.lines() == [
        "3 not sent: column temp is no number, first in row 1,203",
        "2 not sent: pump: a reason, first in row 9",
        "1 not sent: column t x is no time, first in row 7",
    ]
    assert unsent.readings == 6


def test_reasons_are_bounded() -> None:
    unsent = Unsent()
    for number in range(3 * MAX_REASONS):
        unsent.add(f"reason {number}")
    assert len(unsent.reasons) == MAX_REASONS + 1
    assert unsent.lines()[0] == f"{2 * MAX_REASONS} not sent: of other reasons"
