"""The server's own options: one table, each with default, unit and help."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ServerOptions(_Section):
    """Processes."""

    workers: int = Field(
        2, ge=0, le=64, description="Worker processes; 0 runs everything in one."
    )


class StoreOptions(_Section):
    """Files, relative to the directory of the options file."""

    database: Path = Field(Path("bootwave.db"), description="The SQLite database.")
    sightings: Path = Field(
        Path("sightings.db"), description="The SQLite file of what phones asked and got."
    )
    key: Path = Field(
        Path("bootwave.key"), description="The key of secrets at rest, mode 0600."
    )
    control_socket: Path = Field(
        Path("control.sock"), description="Where commands reach a running engine."
    )


class PnpOptions(_Section):
    """Multicast SIP plug and play."""

    enabled: bool = Field(True, description="Answer the SUBSCRIBEs of booting phones.")
    listen: str = Field("0.0.0.0:5060", description="Address and UDP port.")
    group: str = Field("224.0.1.75", description="The multicast group phones ask on.")
    interfaces: tuple[str, ...] = Field(
        (),
        description="Names or addresses of the interfaces to join on; empty: all.",
    )
    bind: Literal["any", "group"] = Field(
        "any",
        description="Bind the listen address, or the group so that a PBX keeps 5060.",
    )
    off_subnet: bool = Field(
        False, description="Answer sources outside this server's own subnets too."
    )
    url: str = Field(
        "",
        description="The settings URL told by NOTIFY, {mac} for the phone's MAC; "
        "empty: the HTTP listener on the interface where the phone was heard.",
    )


class HttpOptions(_Section):
    """The settings server over clear HTTP."""

    listen: tuple[str, ...] = Field(
        ("0.0.0.0:8080", "[::]:8080"), description="Addresses and TCP ports."
    )
    url: str = Field(
        "",
        description="The base URL phones reach this server by; empty: the address "
        "the phone connected to.",
    )
    secrets: Literal["window", "never"] = Field(
        "window", description="Whether secrets may leave over clear HTTP."
    )
    connections: int = Field(
        10_000, ge=16, description="Connections one worker holds at most."
    )


class HttpsOptions(_Section):
    """The settings server over TLS."""

    listen: tuple[str, ...] = Field((), description="Addresses and TCP ports.")


class ControlOptions(_Section):
    """The administrators' API."""

    listen: str = Field("", description="Address and TCP port; empty: none.")


class PairingOptions(_Section):
    """How long an account stays open."""

    window_minutes: float = Field(
        10, gt=0, le=24 * 60, description="How long a window stays open, in minutes."
    )
    pairing_minutes: float = Field(
        5,
        ge=0,
        le=24 * 60,
        description="How long the phone that used a window may fetch again, in minutes.",
    )
    temporary_hours: float = Field(
        8, gt=0, description="How long a phone keeps a '?' account, in hours."
    )


class CacheOptions(_Section):
    """Documents kept ready in each worker."""

    bytes: int = Field(
        256 * 1024 * 1024, ge=0, description="Upper bound of the cache, in bytes."
    )


class SightingsOptions(_Section):
    """What is remembered of phones' contacts."""

    keep_days: float = Field(30, gt=0, description="Age of the oldest kept, in days.")
    keep_rows: int = Field(
        2_000_000, ge=1000, description="Sightings kept at most, whatever their age."
    )
    unknown_rows: int = Field(
        10_000, ge=1, description="Unknown MACs remembered at most."
    )


class LogOptions(_Section):
    """The log on standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The least severe event written."
    )
    format: Literal["console", "json"] = Field(
        "console", description="Lines for people, or one JSON object per line."
    )


class Options(_Section):
    """All options; a frozen tree, safe to share with every process."""

    server: ServerOptions = ServerOptions()
    store: StoreOptions = StoreOptions()
    pnp: PnpOptions = PnpOptions()
    http: HttpOptions = HttpOptions()
    https: HttpsOptions = HttpsOptions()
    control: ControlOptions = ControlOptions()
    pairing: PairingOptions = PairingOptions()
    cache: CacheOptions = CacheOptions()
    sightings: SightingsOptions = SightingsOptions()
    log: LogOptions = LogOptions()
