"""Recorded readings played again: a file of `tributary export`, or of another tool, as devices that send it with its own timing.

Owns the public names. Recording.read takes a file in, ImportOptions say what its columns are; play sends it over the real device client.
`tributary replay` runs both.
"""

from hub.core.exchange.options import ImportOptions
from simulators.replay.playing import Played, Playing, play
from simulators.replay.recording import Recording
from simulators.replay.unsent import Unsent

__all__ = ["ImportOptions", "Played", "Playing", "Recording", "Unsent", "play"]
