"""Frozen settings, validated once, from config/voicebot.toml and the environment.

An environment variable VOICEBOT_SECTION__FIELD (VOICEBOT_SIP__PORT=5070) overrides the file. A mistake
becomes a ConfigError that names file, line, field and the mend.
"""

from __future__ import annotations

import os
import tomllib
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from voicebot.errors import ConfigError

Port = Annotated[int, Field(ge=0, le=65535)]
Network = IPv4Network | IPv6Network
PRIVATE_NETWORKS = ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7")
CodecName = Literal["PCMA", "PCMU", "G722", "opus"]


class Section(BaseModel):
    """A table of the file: unknown keys are mistakes, values never change."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class LineSettings(Section):
    """A dialled number. `number` '*' is the rest. `language` empty: unknown, so the bot speaks both."""

    number: str
    language: Literal["nl", "en", ""] = ""
    variant: Literal["", "nl-BE"] = ""


class TrunkSettings(Section):
    """A SIP trunk to register with, or to send calls through. `registrar` empty: trust by address only."""

    name: str
    registrar: str = ""
    proxy: str = ""
    user: str = ""
    password: str = Field(default="", repr=False)
    domains: tuple[str, ...] = ()
    expires_seconds: int = Field(default=300, ge=30, le=86400)
    transport: Literal["udp", "tcp", "tls"] = "udp"


class SipSettings(Section):
    """Where the bot listens for SIP. `advertised_address` empty: found from the route to the peer."""

    host: str = "0.0.0.0"  # noqa: S104 - a phone service listens on all interfaces; the allow-list guards it
    port: Port = 5060
    tls_port: Port = 0
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    advertised_address: str = ""
    allow: tuple[Network, ...] = Field(default=PRIVATE_NETWORKS, validate_default=True)
    refuse_silently: bool = True
    codecs: tuple[CodecName, ...] = ("PCMA", "PCMU", "G722", "opus")
    session_expires_seconds: int = Field(default=1800, ge=90, le=86400)
    trunks: tuple[TrunkSettings, ...] = ()

    @model_validator(mode="after")
    def _tls_needs_certificate(self) -> SipSettings:
        if self.tls_port and not (self.tls_certificate and self.tls_key):
            raise ValueError("tls_port needs tls_certificate and tls_key")
        return self


class RtpSettings(Section):
    """Media ports and the silence of packets after which a call is over."""

    first_port: Port = 16384
    last_port: Port = 32766
    timeout_seconds: float = Field(default=20.0, ge=2, le=600)

    @model_validator(mode="after")
    def _range_has_room(self) -> RtpSettings:
        if self.last_port - self.first_port < 3:
            raise ValueError("last_port must be at least 3 above first_port")
        return self


class GatewaySettings(Section):
    """The media-stream WebSocket. `token` empty: made at first start and kept in var/gateway-token."""

    enabled: bool = True
    host: str = "0.0.0.0"  # noqa: S104 - protected by token or signature
    port: Port = 8765
    token: str = Field(default="", repr=False)
    signing_key: str = Field(default="", repr=False)
    public_url: str = ""
    allow: tuple[Network, ...] = Field(default=PRIVATE_NETWORKS, validate_default=True)
    max_connections: int = Field(default=50, ge=1, le=5000)


class ControlSettings(Section):
    """The control API of the media process: health, metrics, live calls. Loopback by default."""

    host: str = "127.0.0.1"
    port: Port = 8080


class SpeechSettings(Section):
    """Models and the processes that hold them."""

    profile: Literal["small-cpu", "cpu", "gpu"] = "small-cpu"
    weights_dir: Path = Path("models/weights")
    ears_workers: int = Field(default=1, ge=1, le=32)
    ears_threads: int = Field(default=2, ge=1, le=64)
    mouth_workers: int = Field(default=1, ge=1, le=32)
    time_limit_seconds: float = Field(default=8.0, ge=1, le=60)
    window_frames: int = Field(default=1000, ge=300, le=3000)
    cache_dir: Path = Path("var/prompt-cache")
    smart_turn: bool = False


class CallSettings(Section):
    """Limits of one call, in seconds and milliseconds."""

    max_seconds: int = Field(default=900, ge=30, le=14400)
    no_input_ms: int = Field(default=7000, ge=2000, le=60000)
    concurrent: int = Field(default=20, ge=1, le=2000)
    per_caller: int = Field(default=5, ge=1, le=1000)


class DestinationSettings(Section):
    """Where a caller may be put through to. `kind`: bridged (the bot briefs and joins) or blind (REFER)."""

    uri: str = Field(pattern=r"^sips?:[A-Za-z0-9_.+~-]+@[A-Za-z0-9.\[\]:-]+$")
    kind: Literal["bridged", "blind"] = "bridged"
    label_nl: str
    label_en: str


class TransferSettings(Section):
    """Who can be reached. `human` names the destination for a request for a person."""

    human: str = "medewerker"
    ring_seconds: float = Field(default=25.0, ge=5, le=120)
    accept_seconds: float = Field(default=20.0, ge=5, le=120)
    destinations: dict[str, DestinationSettings] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _human_is_known(self) -> TransferSettings:
        if self.human not in self.destinations:
            raise ValueError(
                f"transfer.human is '{self.human}', but there is no [transfer.destinations.{self.human}]: "
                "callers who ask for a person must have somewhere to go (law H3)"
            )
        return self


class StorageSettings(Section):
    """The database and what guards it."""

    url: str = Field(default="sqlite+aiosqlite:///var/voicebot.db", repr=False)
    spool_dir: Path = Path("var/spool")
    key_file: Path = Path("var/transcripts.key")


class Settings(BaseSettings):
    """Everything that an operator can set."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix="VOICEBOT_", env_nested_delimiter="__"
    )
    organisation: str = "Fietshuis Janssens"
    config_dir: Path = Path("config")
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    lines: tuple[LineSettings, ...] = (LineSettings(number="*"),)
    sip: SipSettings = SipSettings()
    rtp: RtpSettings = RtpSettings()
    gateway: GatewaySettings = GatewaySettings()
    control: ControlSettings = ControlSettings()
    speech: SpeechSettings = SpeechSettings()
    call: CallSettings = CallSettings()
    transfer: TransferSettings
    storage: StorageSettings = StorageSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let the environment win over the file, which comes in as arguments."""
        return env_settings, init_settings

    def line_for(self, called: str) -> LineSettings:
        """Return the line of a dialled number, the '*' line, or a bilingual default."""
        digits = called.lstrip("+")
        exact = [line for line in self.lines if line.number.lstrip("+") == digits]
        rest = [line for line in self.lines if line.number == "*"]
        return (exact or rest or [LineSettings(number="*")])[0]


DEFAULT_FILE = Path("config/voicebot.toml")


def load_settings(path: Path | None = None) -> Settings:
    """Read and check the settings; raise the first mistake as ConfigError, naming the others."""
    file = path or Path(os.environ.get("VOICEBOT_CONFIG", DEFAULT_FILE))
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"cannot be read ({error.strerror})",
            file=file,
            mend="start in the project's folder, or name the file with --config or VOICEBOT_CONFIG",
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError("is not UTF-8 text", file=file, mend="save the file as UTF-8") from error
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = getattr(error, "lineno", None) or _line_in_message(str(error))
        raise ConfigError(
            f"is not valid TOML ({error})", file=file, line=line, mend="correct the syntax on that line"
        ) from error
    try:
        return Settings(**values)
    except ValidationError as error:
        raise _first_mistake(error, file, text) from error


def _line_in_message(message: str) -> int | None:
    _, _, tail = message.partition("at line ")
    number = tail.split(",")[0].strip(" )")
    return int(number) if number.isdigit() else None


def _first_mistake(error: ValidationError, file: Path, text: str) -> ConfigError:
    mistakes = error.errors(include_url=False, include_input=False)
    first = mistakes[0]
    location = tuple(str(part) for part in first["loc"])
    field = ".".join(location)
    env_name = "VOICEBOT_" + "__".join(location).upper()
    from_env = next((name for name in os.environ if name.upper() == env_name), None)
    mend = _mend(first, field)
    if len(mistakes) > 1:
        others = ", ".join(".".join(str(part) for part in other["loc"]) for other in mistakes[1:6])
        mend += f" (also wrong: {others})"
    if from_env:
        return ConfigError(str(first["msg"]), field=from_env, mend=mend)
    return ConfigError(str(first["msg"]), file=file, line=line_of(text, location), field=field, mend=mend)


def _mend(mistake: Any, field: str) -> str:
    kind = str(mistake["type"])
    if kind == "extra_forbidden":
        return f"remove '{field}' or correct its spelling; docs/configuration.md lists all fields"
    if kind == "missing":
        return f"add '{field}'; docs/configuration.md shows an example"
    if kind == "value_error":
        return "change it as the message says"
    return f"change '{field}' so that: {str(mistake['msg'])[0].lower()}{str(mistake['msg'])[1:]}"


def line_of(text: str, location: tuple[str, ...]) -> int | None:
    """Find the 1-based line of a dotted field in TOML text, or of the nearest table that should hold it."""
    best: tuple[int, int] | None = None  # (depth matched, line)
    table: tuple[str, ...] = ()
    array_index: dict[str, int] = {}
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.split("#")[0].strip()
        if line.startswith("[["):
            name = line.strip("[]").strip()
            array_index[name] = array_index.get(name, -1) + 1
            table = (*name.split("."), str(array_index[name]))
        elif line.startswith("["):
            table = tuple(part.strip().strip('"') for part in line.strip("[]").split("."))
        elif "=" in line:
            key = tuple(part.strip().strip('"') for part in line.split("=")[0].split("."))
            path = (*table, *key)
            depth = _common_depth(path, location)
            if depth == len(path) and (best is None or depth > best[0]):
                best = (depth, number)
            continue
        else:
            continue
        if table == location[: len(table)] and (best is None or len(table) > best[0]):
            best = (len(table), number)
    return best[1] if best else None


def _common_depth(path: tuple[str, ...], location: tuple[str, ...]) -> int:
    depth = 0
    for ours, theirs in zip(path, location, strict=False):
        if ours != theirs:
            break
        depth += 1
    return depth
