"""Messages on their way to a session, and why no more come."""

import gc
import weakref

import pytest

from devices.link import LinkClosed
from devices.wire.limits import CloseCode
from hub.web.inbox import HeardBeforeError, Inbox


class BadError(Exception):
    """What a session says of a message."""


def test_an_error_of_a_message_goes_with_who_heard_it_without_the_collector() -> None:
    def take(message: bytes | str) -> None:
        raise BadError(len(message))

    inbox = Inbox()
    inbox.hand_to(take)
    gc.disable()
    try:
        inbox.put(bytes(65_536))
        found = weakref.ref(inbox.heard())
        assert found() is None
    finally:
        gc.enable()
    with pytest.raises(HeardBeforeError):
        raise inbox.heard()


def test_why_a_connection_was_given_up_stays_for_its_close() -> None:
    inbox = Inbox()
    inbox.fail(LinkClosed(CloseCode.POLICY, "a flood"))
    assert inbox.heard() is inbox.failure
