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
