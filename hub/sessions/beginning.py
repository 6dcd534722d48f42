"""What a subscription begins with: what changed since its cursor, or a snapshot that says why it is one.

Owns that choice; snapshot.py paints either, cursors.py reads the cursor. Called by viewer.py for each subscribe, and where the hub itself
begins a subscription anew.
"""

from contextlib import suppress
from dataclasses import replace

from hub.core.selector import Request
from hub.sessions.cursors import mark_of, resume_from
from hub.sessions.feed import Feed
from hub.sessions.picture import Picture
from hub.sessions.snapshot import RowsGone


async def begun(feed: Feed, request: Request, reason: str) -> tuple[Picture, str]:
    """Return the picture and why it is a snapshot; "": it goes on from the cursor. Nothing is awaited after it is whole.

    `reason` is for a request without a cursor. Raises Refusal where too many series match.
    """
    while True:
        await feed.places.ready(request.selector.devices)
        turn = feed.places.turn
        with suppress(RowsGone):
            found = await _once(feed, request, reason)
            if feed.places.turn == turn:
                return found


async def _once(feed: Feed, request: Request, reason: str) -> tuple[Picture, str]:
    if request.cursor is None:
        return await feed.painter.whole(request), reason
    resume = resume_from(feed.places, request.cursor, request.selector.devices)
    if resume is None:
        return await feed.painter.whole(request), "cursor_unknown"
    if resume.devices != mark_of(request.selector.devices):
        return await feed.painter.whole(request), "members"
    held = replace(request, width_us=max(request.width_us, resume.width_us))
    picture = await feed.painter.resumed(held, resume.after, resume.known)
    return (picture, "") if picture is not None else (await feed.painter.whole(request), "too_far")
