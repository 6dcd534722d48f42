"""The settings as the table of docs/operating.md, which a test compares.

Owns its columns and how a default or a limit is written.
"""

from typing import Literal

from pydantic import ByteSize
from pydantic.fields import FieldInfo

from hub.config.settings import PREFIX, Settings


def settings_table() -> str:
    """Return the table of docs/operating.md: every setting with its variable, default, limits and meaning."""
    lines = ["| setting | environment | default | limits | meaning |", "|---|---|---|---|---|"]
    for key, field in Settings.model_fields.items():
        row = (f"`{key}`", f"`{PREFIX}{key.upper()}`", _default(key, field), _limits(field), field.description or "")
        lines.append("| " + " | ".join(row) + " |")
    return "\n".join(lines) + "\n"


def _default(key: str, field: FieldInfo) -> str:
    if key == "data_dir":
        return "`$XDG_DATA_HOME/tributary` or `~/.local/share/tributary`"
    if key == "node":
        return "this machine's name"
    if field.default is None:
        return "none"
    if key == "exempt_addresses":
        return ", ".join(f"`{each}`" for each in field.default)
    if isinstance(field.default, ByteSize):
        return f"{int(field.default):,}"
    return f"`{field.default}`" if field.default != () else "none"


def _limits(field: FieldInfo) -> str:
    lows = [f"from {rule.ge:,}" for rule in field.metadata if hasattr(rule, "ge")]
    highs = [f"to {rule.le:,}" for rule in field.metadata if hasattr(rule, "le")]
    if lows or highs:
        return " ".join(lows + highs)
    choices = getattr(field.annotation, "__args__", ()) if getattr(field.annotation, "__origin__", None) is Literal else ()
    return ", ".join(f"`{choice}`" for choice in choices)
