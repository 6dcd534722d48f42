"""The 24 families of hostile input by their names, each with its generator.

Owns the list, and that a family and a seed are always the same exchange.
"""

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from tests.fuzz import encodings, goodness, handshakes, meanings, sockets
from tests.fuzz.exchange import Exchange

_GENERATORS: Final[tuple[Callable[[random.Random], Exchange], ...]] = (
    *(handshakes.h1_random, handshakes.h2_truncated, handshakes.h3_headers, handshakes.h4_line, handshakes.h5_offers, handshakes.h6_bodies),
    *(sockets.h7_noise, sockets.h8_heads, sockets.h9_lengths, sockets.h10_fragments, sockets.h11_controls, sockets.h12_text),
    *(encodings.h13_damaged, encodings.h14_lengths, encodings.h15_nesting, encodings.h16_amplified, encodings.h17_extensions),
    *(encodings.h18_types, meanings.h19_numbers, meanings.h20_times, meanings.h21_names, meanings.h22_sequence, meanings.h23_commands),
    meanings.h24_queries,
)
FAMILIES: Final = {f"H{number}": generator for number, generator in enumerate(_GENERATORS, 1)}
GOOD: Final = "good"  # what they are measured against
_ALL: Final = {**FAMILIES, GOOD: goodness.good}


def exchange_of(family: str, seed: int) -> Exchange:
    """Return the exchange of a seed."""
    return replace(_ALL[family](random.Random(f"{family} {seed}")), seed=seed)
