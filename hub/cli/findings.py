"""What a check of doctor answers.

Owns the shape of a finding and nothing else; checks.py and store_checks.py make them, doctor.py prints them.
"""

from enum import StrEnum
from typing import NamedTuple


class Verdict(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Finding(NamedTuple):
    """One line of doctor."""

    verdict: Verdict
    what: str
    found: str
    advice: str = ""
