"""Who may do what: a principal is whoever a request comes from."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who was let in, and the role (viewer, operator, admin) that says what they may do."""

    name: str
    role: str
