"""Every setting: environment variables with the prefix SWEEPFRONT_, and the file .env."""

import os
import re
import socket
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict, SettingsError

from app.access.settings import AccessSettings
from app.sweep.document import BackendName
from app.sweep.errors import SweepfrontError
from app.sweep.retention_settings import RetentionSettings

MIB = 1024 * 1024
_ORIGIN = re.compile(r"\*|https?://[^/\s?#@*;,\']+")
_HOST = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9])?")


def _cores() -> int:
    return len(os.sched_getaffinity(0))


class Settings(AccessSettings, RetentionSettings, BaseSettings):
    """The settings of one process, read once."""

    model_config = SettingsConfigDict(
        env_prefix="SWEEPFRONT_", env_file=".env", extra="ignore", frozen=True
    )

    host: str = Field(
        "127.0.0.1",
        description="Address to listen on; beyond loopback only where callers say who they are.",
    )
    port: int = Field(8000, ge=1, le=65535, description="Port to listen on.")
    root_path: str = Field("", description="Path prefix that a proxy in front removes.")
    embed_origins: Annotated[list[str], NoDecode] = Field(
        [],
        description="Origins, separated by commas, whose pages may frame /embed; "
        "such as https://wiki.example.com.",
    )
    url: str = Field(
        "http://127.0.0.1:8000", description="The service that the command line talks to."
    )
    data_dir: Path = Field(
        Path("sweepfront-data"),
        description="Folder of the database, code snapshots and the local engine's workspace.",
    )
    database_url: str = Field(
        "",
        description="sqlite:///FILE or postgresql://...; empty: a SQLite file in DATA_DIR.",
    )
    default_backend: BackendName = Field(
        "local", description="Who runs a sweep whose document names no backend."
    )
    code_roots: Annotated[list[Path], NoDecode] = Field(
        [Path()],
        min_length=1,
        description="Folders below which documents may name code and data, separated by ':'.",
    )
    replica: str = Field(
        default_factory=socket.gethostname,
        description="Name of this process among those that share the records; default: the host's.",
    )
    local_replica: str = Field(
        "",
        description="Name of the replica that runs the local engine; empty: every process runs, or "
        "shares, the engine of its DATA_DIR.",
    )
    local_slots: int = Field(
        default_factory=_cores,
        ge=1,
        le=1024,
        description="How many trials the local engine runs at once; default: the cores.",
    )
    termination_grace: float = Field(
        10.0, ge=0, le=3600, description="Seconds between SIGTERM and SIGKILL of a stopped trial."
    )
    min_free_memory: int = Field(
        256,
        ge=0,
        description="MiB that must be free before the local engine starts another trial; "
        "0: it does not look.",
    )
    trial_memory: int | None = Field(
        None,
        ge=64 * MIB,
        description="Bytes of memory that the processes of one local trial may hold; empty: no limit.",
    )
    max_log_bytes: int = Field(
        100 * MIB, ge=1024, description="Bytes that are kept of each log of a local trial."
    )
    environments: dict[str, Path] = Field(
        {},
        description="Local environments as JSON: a name such as azureml:concrete_env:1 and the "
        "requirements.txt or conda file that stands for it.",
    )
    environment_timeout: float = Field(
        1800.0, gt=0, description="Seconds that a local environment may take to be built."
    )
    downloads: bool = Field(
        default=True, description="false: inputs of local sweeps may not be http(s) URLs."
    )
    download_allowed_networks: Annotated[list[str], NoDecode] = Field(
        [],
        description="Addresses beside public ones from which inputs may be downloaded, separated "
        "by commas: networks such as 10.0.0.0/8, or names of hosts.",
    )
    download_proxy: str = Field(
        "",
        pattern=r"^(https?://[^/\s]+/?)?$",
        description="Proxy through which inputs are downloaded, such as http://proxy.example:3128; "
        "it decides where they may come from. Those of the environment are not used.",
    )
    max_download_bytes: int = Field(
        2048 * MIB, ge=1, description="Bytes of the longest input that is downloaded."
    )
    download_timeout: float = Field(
        600.0, gt=0, description="Seconds that the download of an input may take."
    )
    data_mappings: dict[str, Path] = Field(
        {},
        description="Local data as JSON: the beginning of an input's path, such as "
        "azureml:cifar10-data:1, and the file or folder that stands for it.",
    )
    poll_interval: float = Field(
        15.0, gt=0, le=3600, description="Seconds between looks at a live sweep on Azure ML."
    )
    azure_subscription_id: str = Field("", description="Azure subscription of the workspace.")
    azure_resource_group: str = Field("", description="Its resource group.")
    azure_workspace: str = Field("", description="The Azure ML workspace.")
    azure_instance_discovery: bool = Field(
        default=True, description="false in private or disconnected clouds (signing in)."
    )
    azure_mlflow_url: str = Field(
        "", description="MLflow endpoint of the workspace; empty: what the workspace says."
    )
    azure_timeout: float = Field(
        20.0, gt=0, le=40, description="Seconds until a request to Azure counts as unanswered."
    )
    webhook_allowed_networks: Annotated[list[str], NoDecode] = Field(
        [],
        description="Addresses beside public ones to which webhooks may send, separated by "
        "commas: networks such as 10.0.0.0/8, or names of hosts.",
    )
    webhook_allow_http: bool = Field(
        default=False, description="true: webhooks may send to http:// URLs, too; unencrypted."
    )
    max_body_bytes: int = Field(
        MIB, ge=1024, description="Largest document or request body, in bytes."
    )
    max_upload_bytes: int = Field(
        100 * MIB,
        ge=1024,
        description="Largest code upload, and largest code folder, in bytes (unpacked, too).",
    )
    max_code_files: int = Field(10_000, ge=1, description="Most files in one code folder.")
    cors_origins: Annotated[list[str], NoDecode] = Field(
        [],
        description="Origins such as https://board.example.com whose pages may call /v1 from a "
        "browser, separated by ','; empty: none. * lets any page that somebody here opens read and "
        "change everything: for trials only.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="What the service logs."
    )
    log_format: Literal["auto", "json", "pretty"] = Field(
        "auto", description="json, pretty, or auto: pretty on a terminal, else JSON."
    )
    traces: bool = Field(
        default=False,
        description="true: OpenTelemetry traces are sent by OTLP over HTTP to where "
        "OTEL_EXPORTER_OTLP_ENDPOINT says; default there: http://localhost:4318.",
    )

    @field_validator("trial_memory", mode="before")
    @classmethod
    def _unlimited(cls, value: object) -> object:
        return None if value == "" else value

    @field_validator(
        "cors_origins",
        "embed_origins",
        "download_allowed_networks",
        "webhook_allowed_networks",
        mode="before",
    )
    @classmethod
    def _listed(cls, value: object) -> object:
        return value.replace(",", " ").split() if isinstance(value, str) else value

    @field_validator("code_roots", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return value.split(":") if isinstance(value, str) else value

    @field_validator("cors_origins", "embed_origins")
    @classmethod
    def _known_origins(cls, value: list[str]) -> list[str]:
        for origin in value:
            if not _ORIGIN.fullmatch(origin):
                raise ValueError(f"{origin!r} is no origin; write scheme://host:port, without path")
        return [origin.lower() for origin in value]

    @field_validator("download_allowed_networks", "webhook_allowed_networks")
    @classmethod
    def _known_networks(cls, value: list[str]) -> list[str]:
        for entry in value:
            if not _HOST.fullmatch(entry):
                try:
                    ip_network(entry, strict=False)
                except ValueError as error:
                    raise ValueError(f"{entry!r} is neither a network nor a host's name") from error
        return value

    @property
    def records_url(self) -> str:
        """The database's address, with the default filled in."""
        return self.database_url or f"sqlite:///{self.data_dir.absolute() / 'sweepfront.db'}"

    @property
    def code_folder(self) -> Path:
        """Where code snapshots lie."""
        return self.data_dir.absolute() / "code"

    @property
    def azure_cache(self) -> Path:
        """Where local copies of artifacts on Azure lie."""
        return self.data_dir.absolute() / "azureml"

    @property
    def engine_elsewhere(self) -> str | None:
        """The replica that runs the local engine; None: this one does."""
        named = self.local_replica
        return named if named and named != self.replica else None

    @property
    def engine_folder(self) -> Path:
        """The local engine's workspace."""
        return self.data_dir.absolute() / "engine"


class WrongSettingError(SweepfrontError):
    """A setting has a value that it cannot have."""

    code = "wrong-setting"


def read_settings() -> Settings:
    """The settings of this process.

    Raises:
        WrongSettingError: names each setting that is wrong, with the reason.
    """
    try:
        return Settings()
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        words = [_told(fault["loc"], fault["msg"]) for fault in faults]
    except SettingsError as error:
        found = re.search(r'"(\w+)"', str(error))
        words = [f"{_variable(found[1]) if found else 'a setting'}: this is not JSON"]
    raise WrongSettingError(
        f"{'; '.join(words)} (`python -m app settings` lists all, with their defaults)"
    )


def _told(place: tuple[int | str, ...], message: str) -> str:
    words = message.removeprefix("Value error, ")
    if not place:
        return words
    inner = "/".join(map(str, place[1:]))
    return f"{_variable(str(place[0]))}: {inner + ': ' if inner else ''}{words}"


def _variable(name: str) -> str:
    return f"SWEEPFRONT_{name.upper()}"


def described() -> list[tuple[str, str, str]]:
    """Every setting as (environment variable, default, meaning)."""
    rows = []
    for name, field in Settings.model_fields.items():
        default = field.get_default(call_default_factory=True, validated_data={})
        if name == "code_roots":
            default = "."
        elif default == []:
            default = ""
        rows.append((_variable(name), str(default), field.description or ""))
    return rows
