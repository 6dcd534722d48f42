"""How much a device may send ahead of its acks: less where commits take long, so that little waits for a slow disk.

Owns the sizes of the windows and the rule: the live windows of all connected devices together hold no more than the journal takes in
AHEAD_S at the pace of its last commits. By powers of two, from the whole window to a 32nd, below which no device is brought. Plain code;
devices.py has it judge after each commit, parts.py gives it out.
"""

from typing import Final

from devices.wire.messages import Credit, Window
from hub.journal import MAX_COMMIT_ROWS

LIVE: Final = Window(256, 1_048_576)
BACKFILL: Final = Window(128, 524_288)
# A frame waits for the commit that runs and then for its own: up to 2.5 s a commit the disk always has the next one ready.
AHEAD_S: Final = 5.0
_HALVINGS: Final = 5  # 8 frames and 32 KiB are left of live, 4 and 16 KiB of backfill; of any size one frame may always go


def _halved(window: Window, times: int) -> Window:
    return Window(window.frames >> times, window.bytes >> times)


_CREDITS: Final = tuple(Credit(_halved(LIVE, times), _halved(BACKFILL, times)) for times in range(_HALVINGS + 1))


class Windows:
    """The windows that all devices have now."""

    def __init__(self) -> None:
        self.credit = _CREDITS[0]

    def judge(self, commit_s: float, devices: int) -> None:
        """Take how long a commit takes and how many devices are connected."""
        share = AHEAD_S * MAX_COMMIT_ROWS / max(commit_s * devices, 1e-9)
        self.credit = next((credit for credit in _CREDITS if credit.live.frames <= share), _CREDITS[-1])
