"""When the journal holds, why, and when it goes on: each bound is met once from both sides."""

from hub.journal.room import MAX_PENDING_BYTES, JournalSettings, Room

GB = 1_000_000_000


def test_room_is_there_to_begin_with() -> None:
    assert Room(JournalSettings(), 100 * GB).holding is None


def test_bound_of_the_file_holds_until_some_of_it_is_gone() -> None:
    room = Room(JournalSettings(max_bytes=1000), 100 * GB)
    for size_bytes, holding in ((1000, None), (1001, "store_full"), (960, "store_full"), (950, None), (1000, None)):
        room.measured(size_bytes, 50 * GB)
        assert room.holding == holding


def test_disk_is_held_free_by_two_gigabytes() -> None:
    room = Room(JournalSettings(), 100 * GB)
    for free_bytes, holding in ((2 * GB, None), (2 * GB - 1, "store_full"), (2 * GB + 1, "store_full"), (22 * GB // 10, None)):
        room.measured(0, free_bytes)
        assert room.holding == holding


def test_small_disk_is_held_free_by_a_tenth() -> None:
    room = Room(JournalSettings(), 1 * GB)
    room.measured(0, GB // 10)
    assert room.holding is None
    room.measured(0, GB // 10 - 1)
    assert room.holding == "store_full"


def test_too_much_that_waits_holds_until_half_is_gone() -> None:
    room = Room(JournalSettings(), GB)
    half = MAX_PENDING_BYTES // 2
    for size_bytes, holding in ((MAX_PENDING_BYTES, None), (MAX_PENDING_BYTES + 1, "overload"), (half + 1, "overload"), (half, None)):
        room.pending(size_bytes)
        assert room.holding == holding


def test_full_disk_is_the_reason_given_when_there_are_two() -> None:
    room = Room(JournalSettings(), GB)
    room.pending(MAX_PENDING_BYTES + 1)
    room.is_full = True
    assert room.holding == "store_full"


def test_commits_are_further_apart_when_much_comes() -> None:
    settings = JournalSettings(gather_s=0.005)
    assert [settings.rest_s(rows) for rows in (0, 12, 50, 5_000)] == [0.005, 0.005, 0.01, 0.01]
    assert JournalSettings(gather_s=0.0).rest_s(5_000) == 0.0
