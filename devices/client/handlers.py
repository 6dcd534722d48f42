"""What a program gives the client to be called: functions for commands, and one for what is desired.

Owns the decorators; devices.commands and devices.shadow call the functions. device.py is built on it.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from devices.commands import Commands
from devices.shadow import Shadow
from devices.wire.messages import Args, CommandSpec

F = TypeVar("F", bound=Callable[..., Any])


class Handlers:
    """The functions of a device."""

    def __init__(self, now: Callable[[], int]) -> None:
        self._commands = Commands(now)
        self._shadow = Shadow(now)

    def command(self, name: str, *, description: str = "", args: Args | None = None) -> Callable[[F], F]:
        """Decorate a function, async or plain, that carries out a command; its value goes back to who asked.

        `args` maps an argument's name to {"type": "number" | "integer" | "bool" | "text", "min"?, "max"?, "unit"?, "default"?};
        they are checked before the function is called with them by keyword. An exception it raises is the command's failure.
        Declare commands before entering the device: hello tells the hub of them.
        """

        def add(function: F) -> F:
            self._commands.add(CommandSpec(name, description, dict(args or {})), function)
            return function

        return add

    def on_desired(self, function: F) -> F:
        """Decorate the function, async or plain, that makes the device what is desired: called as function(document, delta).

        `document` is all that is desired, `delta` what of it is not reported so. It is called on each change and at each start with what
        was desired last, also twice with the same: it must be repeatable. What it returns is merged into what is reported, the document
        itself where it returns None; an exception it raises is reported, and it is called again at the next connection. Declare it
        before entering the device: hello tells the hub that this device takes a shadow.
        """
        self._shadow.set(function)
        return function
