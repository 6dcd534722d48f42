"""What a device said over all its connections: what it must list, must not say twice, and what of its count is missing."""

import struct

import pytest

from devices.wire.messages import Channel, Data, Gap, Hello, Pack, Unfinished
from simulators.conformance.book import Book, counted
from simulators.conformance.verdict import Broken

CHANNELS = (Channel("temp"), Channel("count"))


def data(epoch: int, seq: int, value: object) -> Data:
    return Data(epoch, seq, 0, [1], [0], [value])


def hello(epoch: int, *unfinished: Unfinished) -> Hello:
    return Hello("d", epoch, CHANNELS, unfinished)


@pytest.fixture
def book() -> Book:
    """A book with frames 1 to 3 of epoch 5, of which the first is acked."""
    made = Book()
    made.lives = 1
    made.enter_hello(hello(5))
    for seq in (1, 2, 3):
        made.enter(data(5, seq, seq))
    made.epochs[5].mark = 1
    return made


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        (hello(6), "expected epoch 5 in `unfinished`: seq 2 to 3"),
        (hello(6, Unfinished(5, 3, 3)), "first <= 2"),
        (hello(6, Unfinished(5, 2, 2)), "last >= 3"),
    ],
)
def test_what_is_not_acked_must_be_listed(book: Book, said: Hello, wrong: str) -> None:
    with pytest.raises(Broken, match=wrong):
        book.enter_hello(said)


def test_an_epoch_is_not_continued_after_a_reboot(book: Book) -> None:
    book.enter_hello(hello(5, Unfinished(5, 2, 3)))  # on another connection it may be
    book.lives = 2
    with pytest.raises(Broken, match="a new epoch after a reboot"):
        book.enter_hello(hello(5, Unfinished(5, 2, 3)))


def test_an_epoch_that_is_acked_whole_is_not_used_again(book: Book) -> None:
    book.epochs[5].mark = 3
    with pytest.raises(Broken, match="never used, or that is listed"):
        book.enter_hello(hello(5))


def test_a_frame_comes_again_as_it_was(book: Book) -> None:
    book.enter(data(5, 2, 2))
    with pytest.raises(Broken, match="as it came before"):
        book.enter(data(5, 3, 4))


def test_a_value_comes_once(book: Book) -> None:
    with pytest.raises(Broken, match=r"2 came in frame 2 of epoch 5 and in frame 4"):
        book.enter(data(5, 4, 2))


def test_a_gap_takes_back_what_it_declares_and_no_more(book: Book) -> None:
    book.enter(Gap(5, 2, 2, 1, None, None, "bad_frame"))
    book.enter(data(5, 4, 5))
    assert (book.declared, book.missing()) == (1, [2, 4])


def test_an_epoch_that_a_gap_gave_up_is_listed_no_more(book: Book) -> None:
    book.enter_hello(hello(6, Unfinished(5, 2, 3)))
    book.enter(Gap(6, 1, 1, 2, None, None, "too_many_epochs", 5, 3))
    book.epochs[6].mark = 1
    book.enter_hello(hello(7))
    assert book.unacked() == {}


def test_values_in_packs_count_and_those_of_other_channels_do_not() -> None:
    pack = Pack(5, 1, 0, 1, 1_000, None, "f4", struct.pack("<2f", 1, 2))
    other = Pack(5, 2, 0, 0, 1_000, None, "f8", struct.pack("<d", 0.5))
    assert (counted(pack, CHANNELS), counted(other, CHANNELS), counted(data(5, 3, 7.0), CHANNELS)) == ([1, 2], [], [7])


@pytest.mark.parametrize("value", [0, 1.5, "one", -1])
def test_a_count_is_a_whole_number_from_1_on(value: object) -> None:
    with pytest.raises(Broken, match="whole numbers"):
        counted(data(5, 1, value), CHANNELS)
