"""The settings of the port: where the hub listens, how TLS and proxies are taken, and how much of everything is let in.

Owns their names, defaults and limits; settings.py adds all others.
"""

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, Field, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from hub.config import texts

PREFIX: Final = "TRIBUTARY_"


class PortSettings(BaseSettings):
    """What an operator may set of the port."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    host: Annotated[str, Field(min_length=1)] = Field(
        default="127.0.0.1", description="Address to listen on; `0.0.0.0` or `::` opens the hub to the network (set TLS then)."
    )
    port: Annotated[int, Field(ge=0, le=65_535)] = Field(
        default=8080, description="TCP port of everything: devices, page, API. 0: a free one."
    )
    tls_certificate: Path | None = Field(
        default=None,
        description="PEM file with the certificate chain; with `tls_key` the port speaks https and wss; plain requests are sent there.",
    )
    tls_key: Path | None = Field(default=None, description="PEM file with the key of `tls_certificate`, not encrypted.")
    public_url: Annotated[str | None, AfterValidator(texts.public_url)] = Field(
        default=None,
        description="The address that browsers have the hub at, where a proxy gives it another (`https://dash.example.com`, or with a"
        " path: `https://example.com/hub`). Login links, the session cookie and the allowed origins follow it.",
    )
    allowed_origins: Annotated[tuple[str, ...], NoDecode, AfterValidator(texts.origins)] = Field(
        default=(),
        description="Origins (`https://dash.example.com`) whose pages may open a live connection and change things, besides the hub's own;"
        " needed behind a reverse proxy that changes the Host header. In the environment: separated by commas.",
    )
    trusted_proxies: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = Field(
        default=(),
        description="Addresses and networks (`10.0.0.0/8`) of the proxies before the hub: from them alone `X-Forwarded-For` and"
        " `X-Forwarded-Proto` are believed, in the log, for limits and for what is allowed from this machine only. In the environment:"
        " separated by commas.",
    )
    proxy_protocol: bool = Field(
        default=False,
        description="Read a PROXY header (version 1 or 2) before the first byte where a trusted proxy sends one (HAProxy: `send-proxy-v2`)."
        " Each of them must either send one or speak HTTP itself: else a client could send its own.",
    )
    max_connections: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        default=10_000,
        description="Connections of all kinds at once; more are refused with 503. Each takes a file descriptor (`ulimit -n`).",
    )
    max_strangers: Annotated[int, Field(ge=10, le=1_000_000)] = Field(
        default=2_000,
        description="Connections at once on which no device or viewer was let in: unfinished handshakes, requests, idle ones of browsers."
        " Beyond it the one of the most crowded address that is idle for longest makes way.",
    )
    max_strangers_per_address: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        default=200, description="The same of one address (of IPv6: a network of 64 bits); where none of them is idle more hear 429."
    )
    max_connects_per_s: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        default=100,
        description="New connections a second of one address, ten times as many at once; more hear 429. Not where a device or viewer was"
        " let in from there in the last hour: a fleet behind one address comes back at once.",
    )
    max_requests_per_s: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        default=100,
        description="HTTP requests a second of one address, but for files of the page, ten times as many at once; more hear 429.",
    )
    exempt_addresses: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = Field(
        default=(ip_network("127.0.0.0/8"), ip_network("::1/128")),
        description="Addresses and networks without the limits of one address: this machine, a gateway of many devices that have no"
        " WebSocket, an office behind one address. In the environment: separated by commas.",
    )
    max_small_frames_per_s: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        default=100,
        description="Pings, pongs, empty messages and fragments below 16 bytes a second of one WebSocket, ten times as many at once; more"
        " close it with 1008.",
    )
    max_viewers_per_user: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        default=100, description="Viewers at once of one user or API token; more are closed with 4013."
    )
    max_viewers_per_link: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        default=100, description="Viewers at once by one link of a shared dashboard; more are closed with 4013."
    )

    @field_validator("allowed_origins", mode="before")
    @classmethod
    def _origins_may_be_one_text(cls, value: Any) -> Any:
        return listed(value)

    @field_validator("trusted_proxies", "exempt_addresses", mode="before")
    @classmethod
    def _are_networks(cls, value: Any) -> Any:
        if not isinstance(value := listed(value), list | tuple):
            return value
        try:
            return tuple(ip_network(str(each)) for each in value)
        except ValueError as error:
            raise ValueError(f"{error}; write addresses and networks like 127.0.0.1 or 10.0.0.0/8") from None

    @field_validator("tls_certificate", "tls_key", mode="before")
    @classmethod
    def _file_is_not_empty(cls, value: Any) -> Any:
        return named(value)

    @model_validator(mode="after")
    def _tls_is_whole(self) -> Self:
        need_both("TLS", {"tls_certificate": self.tls_certificate is not None, "tls_key": self.tls_key is not None})
        return self

    @property
    def origins(self) -> tuple[str, ...]:
        """The origins whose pages are let in besides the one that `Host` says."""
        public = texts.origin_of(self.public_url or "")
        return self.allowed_origins if public is None else (*self.allowed_origins, public)


def named(value: Any) -> Any:
    """Return a path as it was given. Raises ValueError where it is an empty text: Path("") is the working directory."""
    if value == "":
        raise ValueError("an empty text names no path; leave the setting out for its default")
    return value


def need_both(who: str, are_set: Mapping[str, bool]) -> None:
    """Refuse one of two settings without the other. Raises ValueError."""
    if len(set(are_set.values())) > 1:
        given, missing = sorted(are_set, key=lambda name: not are_set[name])
        raise ValueError(f"{given} is set and {missing} is not: {who} needs both")


def listed(value: Any) -> Any:
    """Split a text, as the environment has it, at commas."""
    return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value
