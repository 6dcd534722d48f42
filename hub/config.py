"""The settings of a hub: what each does, its unit, its limits, where it comes from.

Owns the names, defaults and limits, how a wrong value is told in one line, and the table in docs/operating.md (made by
settings_table, held by a test). Reads a TOML file and the environment; must not touch the data directory. The CLI loads it.
"""

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import ByteSize, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from hub.core.errors import Refusal

PREFIX: Final = "TRIBUTARY_"
CONFIG_VARIABLE: Final = "TRIBUTARY_CONFIG"
# Names under our prefix that are no settings: the file's own place, the device command's token, what tests are told.
_NOT_SETTINGS: Final = (CONFIG_VARIABLE, "TRIBUTARY_DEVICE_TOKEN", "TRIBUTARY_CI", "TRIBUTARY_TEST_")


_SECRETS: Final = ("store_token",)
_ORIGIN: Final = re.compile(r"https?://(\[[0-9A-Fa-f:.]+\]|[^\s/?#@:\[\]]+)(:\d{1,5})?")


class ConfigError(Refusal):
    """A setting is wrong: the message names it, where it stands, its value and the limit."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__("bad_config", message, hint)


def default_data_dir() -> Path:
    """Return $XDG_DATA_HOME/tributary, or ~/.local/share/tributary."""
    base = os.environ.get("XDG_DATA_HOME", "")
    return (Path(base) if os.path.isabs(base) else Path.home() / ".local" / "share") / "tributary"


class Settings(BaseSettings):
    """Everything an operator may set. A field's description says unit and effect; docs/operating.md has the same as a table."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    host: Annotated[str, Field(min_length=1)] = Field(
        default="127.0.0.1", description="Address to listen on; `0.0.0.0` or `::` opens the hub to the network (set TLS then)."
    )
    port: Annotated[int, Field(ge=0, le=65_535)] = Field(
        default=8080, description="TCP port of everything: devices, page, API. 0: a free one."
    )
    data_dir: Path = Field(
        default_factory=default_data_dir, description="Directory of the journal, the stores and the credentials; one hub at a time uses it."
    )
    tls_certificate: Path | None = Field(
        default=None, description="PEM file with the certificate chain; with `tls_key` the port speaks https and wss, and nothing else."
    )
    tls_key: Path | None = Field(default=None, description="PEM file with the key of `tls_certificate`, not encrypted.")
    allowed_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Origins (`https://dash.example.com`) whose pages may open a live connection and change things, besides the hub's own;"
        " needed behind a reverse proxy that changes the Host header. In the environment: separated by commas.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="The least level that is logged.")
    journal_max_bytes: Annotated[ByteSize, Field(ge=16_000_000)] = Field(
        default=ByteSize(20_000_000_000),
        description="Bytes (or `20GB`) the journal may use. At the bound devices keep their readings (credit 0, `store_full`);"
        " nothing that is not stored is ever deleted.",
    )
    min_free_bytes: Annotated[ByteSize, Field(ge=0)] = Field(
        default=ByteSize(2_000_000_000),
        description="Bytes (or `2GB`) to leave free on the disk, at most 10 % of it; below it devices hold back, as above.",
    )
    store: str = Field(
        default="duckdb",
        description="Where the history is kept: `duckdb` (in the data directory), `influxdb+http://HOST:8086/ORG/BUCKET` or"
        " `victoriametrics+http://HOST:8428` (`+https` for TLS). `tributary migrate --to` copies what is there.",
    )
    store_token: SecretStr | None = Field(
        default=None, description="Token of that database: an InfluxDB API token, or a bearer token of a proxy before VictoriaMetrics."
    )
    ack_after: Literal["journal", "store"] = Field(
        default="journal",
        description="When a device is told that a frame is safe: once this hub's journal is synced, or only once the store has it too"
        " (for hubs whose disk may be lost; while the store is down nothing is acked). Not with VictoriaMetrics.",
    )
    keep_raw_days: Annotated[float, Field(ge=0, le=100_000)] = Field(
        default=30.0, description="Days that readings are kept as they came; 0: for ever."
    )
    keep_minutes_days: Annotated[float, Field(ge=0, le=100_000)] = Field(
        default=365.0, description="Days that buckets of one minute are kept; 0: for ever. DuckDB only."
    )
    keep_hours_days: Annotated[float, Field(ge=0, le=100_000)] = Field(
        default=3_650.0, description="Days that buckets of one hour are kept; 0: for ever. DuckDB only."
    )
    history_max_bytes: Annotated[ByteSize, Field(ge=0)] = Field(
        default=ByteSize(0),
        description="Bytes (or `50GB`) that the history in the data directory may use; at 95 % the oldest readings go, their buckets stay."
        " 0: what the disk has but for `min_free_bytes`. DuckDB only.",
    )
    resume_window_s: Annotated[float, Field(ge=0, le=7 * 86_400)] = Field(
        default=3600.0,
        description="Seconds of frames kept in the journal after they are stored, so that a viewer resumes without a new snapshot.",
    )
    max_connections: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        default=10_000,
        description="Connections of all kinds at once; more are refused with 503. Each takes a file descriptor (`ulimit -n`).",
    )
    restart_jitter_s: Annotated[float, Field(ge=0, le=600)] = Field(
        default=15.0, description="Seconds over which devices spread their return when this hub stops or restarts."
    )

    @field_validator("allowed_origins", mode="before")
    @classmethod
    def _origins_may_be_one_text(cls, value: Any) -> Any:
        return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value

    @field_validator("allowed_origins")
    @classmethod
    def _origins_are_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            if not _ORIGIN.fullmatch(origin):
                raise ValueError(f"{origin!r} is no origin: scheme, host and port as a browser sends them, like https://dash.example.com")
        return value

    @field_validator("data_dir", "tls_certificate", "tls_key", mode="before")
    @classmethod
    def _path_is_not_empty(cls, value: Any) -> Any:
        if value == "":
            raise ValueError("an empty text names no path; leave the setting out for its default")  # Path("") is the working directory
        return value

    @field_validator("data_dir")
    @classmethod
    def _data_dir_is_absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @model_validator(mode="after")
    def _tls_is_whole(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            given, missing = ("tls_certificate", "tls_key") if self.tls_key is None else ("tls_key", "tls_certificate")
            raise ValueError(f"{given} is set and {missing} is not: TLS needs both")
        return self


def load_settings(config: Path | None = None, **options: Any) -> Settings:
    """Return the settings: options (None: not given) over environment over TOML file over defaults.

    `config` None means the file $TRIBUTARY_CONFIG names, if it is set. Raises ConfigError, whose one line names key, value and limit.
    """
    if config is None and os.environ.get(CONFIG_VARIABLE):
        config = Path(os.environ[CONFIG_VARIABLE])
    _check_environment()
    given = {key: value for key, value in options.items() if value is not None}

    class FromAll(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return (init_settings, env_settings) if config is None else (init_settings, env_settings, _read_file(settings_cls, config))

    try:
        return FromAll(**given)
    except ValidationError as error:
        raise _config_error(error, given, config) from None


def _read_file(settings: type[BaseSettings], path: Path) -> TomlConfigSettingsSource:
    try:
        path.open("rb").close()  # pydantic-settings takes a missing file for an empty one
        source = TomlConfigSettingsSource(settings, path)
    except OSError as error:
        raise ConfigError(f"cannot read the configuration {path}: {error.strerror}", "name a TOML file with --config") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not TOML: {error}", 'write lines like port = 8080 or data_dir = "/srv/tributary"') from None
    for key in source.toml_data:
        if key not in Settings.model_fields:
            raise _unknown(key, f"in {path}", list(Settings.model_fields))
    return source


def _check_environment() -> None:
    known = [PREFIX + key.upper() for key in Settings.model_fields]
    for variable in sorted(os.environ):
        if variable.startswith(PREFIX) and variable not in known and not variable.startswith(_NOT_SETTINGS):
            raise _unknown(variable, "in the environment", known)


def _unknown(key: str, where: str, known: list[str]) -> ConfigError:
    near = difflib.get_close_matches(key, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"the settings are {', '.join(sorted(known))}"
    return ConfigError(f"there is no setting {key} ({where})", hint)


def _config_error(error: ValidationError, given: Mapping[str, Any], config: Path | None) -> ConfigError:
    first = error.errors(include_url=False, include_context=False)[0]
    said = first["msg"].removeprefix("Value error, ").replace("Input should", "it should")
    if not first["loc"]:
        return ConfigError(said, "set both or neither")
    key = str(first["loc"][0])
    variable = PREFIX + key.upper()
    place = "on the command line" if key in given else f"in {variable}" if variable in os.environ else f"in {config}"
    shown = "..." if key in _SECRETS else repr(first["input"])
    return ConfigError(f"{key} = {shown} ({place}) is not allowed: {said}", f"correct {key}")


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
    if field.default is None:
        return "none"
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
