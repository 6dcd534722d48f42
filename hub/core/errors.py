"""The one shape of a refusal that a person or a program gets: code, message, hint."""


class Refusal(Exception):
    """Something asked for cannot be done.

    `message` says what, with the limit and the value; `hint` what to do. `status` is the HTTP status it maps to.
    """

    def __init__(self, code: str, message: str, hint: str = "", status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.status = status


class TooOften(Refusal):
    """Something was asked for too often: this time it was not looked at. `wait_s` says when to come again."""

    def __init__(self, code: str, message: str, wait_s: float) -> None:
        self.wait_s = max(1, round(wait_s + 0.5))
        super().__init__(code, message, f"try again in {self.wait_s} s", 429)
