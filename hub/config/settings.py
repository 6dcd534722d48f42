"""The settings of a hub: what each does, its unit, its limits.

Owns the names, defaults and limits, those of the port in port.py; reads nothing itself. loading.py fills it, table.py tells it;
part_settings.py hands it to the parts.
"""

import os
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, ByteSize, Field, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode

from hub.config import texts
from hub.config.port import PREFIX, PortSettings, listed, named, need_both

__all__ = ["PREFIX", "Settings", "default_data_dir"]


def default_data_dir() -> Path:
    """Return $XDG_DATA_HOME/tributary, or ~/.local/share/tributary."""
    base = os.environ.get("XDG_DATA_HOME", "")
    return (Path(base) if os.path.isabs(base) else Path.home() / ".local" / "share") / "tributary"


class Settings(PortSettings):
    """Everything an operator may set. A field's description says unit and effect; docs/operating.md has the same as a table."""

    data_dir: Path = Field(
        default_factory=default_data_dir, description="Directory of the journal, the stores and the credentials; one hub at a time uses it."
    )
    state: Literal["sqlite", "redis"] = Field(
        default="sqlite",
        description="Where devices, users, commands, rules and the like are kept: in the data directory, or in a Redis. All hubs on one"
        " Redis and database number are the nodes of one cluster.",
    )
    redis_url: Annotated[str | None, AfterValidator(texts.redis_url)] = Field(
        default=None,
        description='The Redis of `state = "redis"`: `redis://HOST:6379/0`, `redis+cluster://HOST:6379,HOST:6379` or'
        " `redis+sentinel://HOST:26379,HOST:26379/SERVICE`; `rediss` for TLS; `?user=NAME`, `sentinel_user=NAME` for accounts.",
    )
    redis_password: SecretStr | None = Field(default=None, description="Password for that Redis.")
    redis_sentinel_password: SecretStr | None = Field(default=None, description="Password for the sentinels that `redis_url` names.")
    node: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,32}$")] = Field(
        default_factory=texts.host_as_node,
        description="Name of this node, its own among those on one Redis, and the same after a restart.",
    )
    node_url: Annotated[str | None, AfterValidator(texts.node_url)] = Field(
        default=None,
        description="The address at which the other nodes reach this one, without a proxy between; none: where it listens."
        " With `workers` that of the first: the others have the ports after it; none: ports of this machine only.",
    )
    workers: Annotated[int, Field(ge=1, le=64)] = Field(
        default=1,
        description="Processes that serve the port, each a node of its own (`NODE-1` and on, below `data_dir`); more than one"
        ' needs `state = "redis"` and a history that they share.',
    )
    live_ring_bytes: Annotated[ByteSize, Field(ge=1_000_000)] = Field(
        default=ByteSize(64_000_000),
        description="Bytes (or `64MB`) of the newest frames of all nodes that a node keeps in memory for its viewers, in a cluster.",
    )
    bus_buffer_bytes: Annotated[ByteSize, Field(ge=100_000)] = Field(
        default=ByteSize(8_000_000),
        description="Bytes of frames that wait for Redis at most, in a cluster; beyond it other nodes ask for them by HTTP.",
    )
    bus_stream_bytes: Annotated[ByteSize, Field(ge=1_000_000)] = Field(
        default=ByteSize(16_000_000),
        description="Bytes of frames of one node that stay in Redis, about, while another node has viewers.",
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
    max_series_per_device: Annotated[int, Field(ge=1_024, le=1_000_000)] = Field(
        default=2_048,
        description="Series (channel, unit, kind) that one device may make; a hello or an import beyond it is refused (4013, 409). One"
        " counts until the longest of `keep_raw_days`, `keep_minutes_days` and `keep_hours_days` has passed since it was last declared.",
    )
    keep_commands_days: Annotated[float, Field(ge=0, le=100_000)] = Field(
        default=30.0, description="Days that a command is kept after it has ended, and its idempotency key with it; 0: for ever."
    )
    keep_commands: Annotated[int, Field(ge=1_000, le=10_000_000)] = Field(
        default=100_000, description="Commands that have ended, at most so many are kept, the newest; open ones are never deleted."
    )
    resume_window_s: Annotated[float, Field(ge=0, le=7 * 86_400)] = Field(
        default=3600.0,
        description="Seconds of frames kept in the journal after they are stored, so that a viewer resumes without a new snapshot.",
    )
    audit_keep_days: Annotated[float, Field(ge=0, le=100_000)] = Field(
        default=400.0, description="Days that entries of the audit log are kept; 0: for ever, as far as `audit_max_entries` goes."
    )
    audit_max_entries: Annotated[int, Field(ge=1_000, le=100_000_000)] = Field(
        default=200_000, description="Entries of the audit log that are kept at most; the oldest go first. Each takes some 200 bytes."
    )
    own_device: Annotated[str, Field(pattern=r"^([A-Za-z0-9][A-Za-z0-9._:-]{0,63})?$")] = Field(
        default="tributary:hub",
        description="Name of the built-in device whose readings are the hub's own figures (delays, rates, lags), every 10 s; empty: none."
        ' With `state = "redis"` `:` and the name of the node stand behind it.',
    )
    memory_max_bytes: Annotated[ByteSize, Field(ge=0)] = Field(
        default=ByteSize(0),
        description="Bytes (or `1GB`) of memory that the hub may use; near it load is shed, and DuckDB gets a fourth of it, from 128 to"
        " 512 MB. 0: what its container or service may use, or the machine has.",
    )
    restart_jitter_s: Annotated[float, Field(ge=0, le=600)] = Field(
        default=15.0, description="Seconds over which devices spread their return when this hub stops or restarts."
    )

    webhook_allow: Annotated[tuple[str, ...], NoDecode, AfterValidator(texts.webhook_hosts)] = Field(
        default=(),
        description="Hosts, addresses and networks (`10.1.0.0/16`, `hooks.internal`) that webhooks may go to although they are of this"
        " machine or a private network; all others must have public addresses. In the environment: separated by commas.",
    )
    notify_for_s: Annotated[float, Field(ge=60, le=30 * 86_400)] = Field(
        default=86_400.0, description="Seconds, in which the hub runs, that a notice of an alert is tried before it is given up."
    )

    smtp_url: Annotated[str | None, AfterValidator(texts.smtp_url)] = Field(
        default=None,
        description="The mail server for notices of alerts: `smtp+starttls://USER@HOST` (port 587), `smtps://USER@HOST` (465) or"
        " `smtp://HOST` (25, not encrypted, no user). Set with `mail_from`.",
    )
    smtp_password: SecretStr | None = Field(default=None, description="Password of the user in `smtp_url`.")
    mail_from: Annotated[str | None, AfterValidator(texts.mail_from)] = Field(
        default=None, description="The address that e-mail of this hub comes from."
    )

    @field_validator("webhook_allow", mode="before")
    @classmethod
    def _hosts_may_be_one_text(cls, value: Any) -> Any:
        return listed(value)

    @field_validator("data_dir", mode="before")
    @classmethod
    def _folder_is_not_empty(cls, value: Any) -> Any:
        return named(value)

    @field_validator("data_dir")
    @classmethod
    def _data_dir_is_absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @model_validator(mode="after")
    def _mail_is_whole(self) -> Self:
        need_both("e-mail", {"smtp_url": self.smtp_url is not None, "mail_from": self.mail_from is not None})
        return self

    @model_validator(mode="after")
    def _redis_is_whole(self) -> Self:
        need_both("a shared state", {'state = "redis"': self.state == "redis", "redis_url": self.redis_url is not None})
        return self

    @property
    def own_name(self) -> str:
        """The name of the hub's own device: each node has one."""
        return f"{self.own_device[:31]}:{self.node}" if self.own_device and self.state == "redis" else self.own_device
