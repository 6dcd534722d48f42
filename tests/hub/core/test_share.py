"""What is kept of a link to a dashboard, and what is told of it."""

from hub.core.share import FOR_EVER_US, Share, share_in

SHARE = Share("5f0c9a1be2d34f67", "hall", "screen", b"\x01\x02", "ann", "user ann 1", 1, 2, FOR_EVER_US)


def test_a_link_comes_back_as_it_was_kept() -> None:
    assert share_in(SHARE.document()) == SHARE


def test_what_is_told_has_no_secret_and_no_end_where_there_is_none() -> None:
    told = SHARE.item(is_good=True)
    assert told == {"id": "5f0c9a1be2d34f67", "name": "screen", "by": "ann", "created_us": 2, "is_good": True}
