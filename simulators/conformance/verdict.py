"""What a client under test may do to a scenario: break a rule, or not do what it is about.

Owns the two errors that scenes and their parts raise; course.py makes outcomes of them.
"""


class Broken(Exception):
    """The client broke a rule: what was expected, and what came."""


class NotApplicable(Exception):
    """The client does not do what this is about, and need not."""
