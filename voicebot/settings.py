"""Frozen settings, validated once, from config/voicebot.toml and the environment.

An environment variable VOICEBOT_SECTION__FIELD (VOICEBOT_SIP__PORT=5070) overrides the file. A mistake
becomes a ConfigError that names file, line, field and the mend.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal, get_origin

from pydantic import (
    Field,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from voicebot.errors import ConfigError
from voicebot.settings_mistakes import check_variables, first_mistake, located
from voicebot.settings_parts import (
    PRIVATE_NETWORKS,
    CodecName,
    IpLiteral,
    Network,
    Port,
    Section,
)
from voicebot.settings_queue import CallbackSettings, QueueSettings
from voicebot.settings_transfer import TransferSettings
from voicebot.settings_web import WebSettings


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

    host: Annotated[IpLiteral, Field(min_length=1)] = "0.0.0.0"  # noqa: S104 - the allow-list guards it
    port: Port = 5060
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    tls_port: Port = 0
    advertised_address: IpLiteral = ""
    allow: tuple[Network, ...] = Field(default=PRIVATE_NETWORKS, validate_default=True)
    refuse_silently: bool = True
    codecs: tuple[CodecName, ...] = ("PCMA", "PCMU", "G722", "opus")
    session_expires_seconds: int = Field(default=1800, ge=90, le=86400)
    trunks: tuple[TrunkSettings, ...] = ()

    @field_validator("tls_port")
    @classmethod
    def _tls_needs_certificate(cls, port: int, info: ValidationInfo) -> int:
        if port and not (info.data.get("tls_certificate") and info.data.get("tls_key")):
            raise ValueError("TLS needs a certificate: set tls_certificate and tls_key too")
        return port


class RtpSettings(Section):
    """Media ports and the silence of packets after which a call is over."""

    first_port: Port = Field(default=16384, ge=1024)
    last_port: Port = 32766
    timeout_seconds: float = Field(default=20.0, ge=2, le=600)

    @field_validator("last_port")
    @classmethod
    def _range_has_room(cls, last: int, info: ValidationInfo) -> int:
        if last - info.data.get("first_port", last) < 3:
            raise ValueError("last_port must be at least 3 above first_port, 2 ports for each call")
        return last


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
    ears_workers: int = Field(default=2, ge=1, le=32)
    ears_threads: int = Field(default=1, ge=1, le=64)
    mouth_workers: int = Field(default=1, ge=1, le=32)
    time_limit_seconds: float = Field(default=8.0, ge=1, le=60)
    window_frames: int = Field(default=700, ge=300, le=3000)
    cache_dir: Path = Path("var/prompt-cache")
    smart_turn: bool = False


class CallSettings(Section):
    """Limits of one call, in seconds and milliseconds."""

    max_seconds: int = Field(default=900, ge=30, le=14400)
    no_input_ms: int = Field(default=7000, ge=2000, le=60000)
    concurrent: int = Field(default=20, ge=1, le=2000)
    per_caller: int = Field(default=5, ge=1, le=1000)


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
    web: WebSettings = WebSettings()
    speech: SpeechSettings = SpeechSettings()
    call: CallSettings = CallSettings()
    transfer: TransferSettings
    queue: QueueSettings = QueueSettings()
    callback: CallbackSettings = CallbackSettings()
    storage: StorageSettings = StorageSettings()
    _file: Path | None = PrivateAttr(default=None)

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

    @contextmanager
    def locating(self) -> Iterator[None]:
        """Add file and line to a ConfigError that names only the field."""
        try:
            yield
        except ConfigError as error:
            if error.file is not None or not error.field or self._file is None:
                raise
            raise located(error, self._file, _text_of(self._file), os.environ) from error

    def line_for(self, called: str) -> LineSettings:
        """Return the line of a dialled number, the '*' line, or a bilingual default."""
        digits = called.lstrip("+")
        exact = [line for line in self.lines if line.number.lstrip("+") == digits]
        rest = [line for line in self.lines if line.number == "*"]
        return (exact or rest or [LineSettings(number="*")])[0]


def _json_fields() -> frozenset[str]:
    """List the dotted fields that a variable can only give as JSON: lists, tables, whole sections."""
    found = set()
    for name, field in Settings.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, Section):
            found.add(name)
            fields = section.model_fields.items()
            found |= {
                f"{name}.{inner}" for inner, part in fields if get_origin(part.annotation) in (tuple, dict)
            }
        elif get_origin(section) in (tuple, dict):
            found.add(name)
    return frozenset(found)


JSON_FIELDS = _json_fields()
DEFAULT_FILE = Path("config/voicebot.toml")


def load_settings(path: Path | None = None) -> Settings:
    """Read and check the settings; raise the first mistake as ConfigError, naming the others."""
    file = path or Path(os.environ.get("VOICEBOT_CONFIG", DEFAULT_FILE))
    text = _text_of(file)
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = getattr(error, "lineno", None) or _line_in_message(str(error))
        raise ConfigError(
            f"is not valid TOML ({error})", file=file, line=line, mend="correct the syntax on that line"
        ) from error
    check_variables(os.environ, frozenset(Settings.model_fields), JSON_FIELDS)
    try:
        settings = Settings(**values)
    except ValidationError as error:
        raise first_mistake(error, file, text, os.environ) from error
    except SettingsError as error:
        raise ConfigError(
            str(error), mend='write lists as ["a", "b"] and tables as {"field": "value"}', field="VOICEBOT_*"
        ) from error
    settings._file = file
    return settings


def _text_of(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"cannot be read ({error.strerror})",
            file=file,
            mend="start in the project's folder, or name the file with --config or VOICEBOT_CONFIG",
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError("is not UTF-8 text", file=file, mend="save the file as UTF-8") from error


def _line_in_message(message: str) -> int | None:
    _, _, tail = message.partition("at line ")
    number = tail.split(",")[0].strip(" )")
    return int(number) if number.isdigit() else None
