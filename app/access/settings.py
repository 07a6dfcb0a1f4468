"""The settings of who may do what."""

import re
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, SecretStr, field_validator, model_validator

from app.access.callers import EVERY, Role
from app.access.keys import ApiKey, Grants
from app.access.quotas import Quota

API_KEY_HEADER = "X-API-Key"
"""Where an API key may stand, beside Authorization."""
LOOPBACK = ("127.0.0.1", "::1", "localhost")
_ID = re.compile(r"[A-Za-z0-9.-]*")


class AccessSettings(BaseModel):
    """What the settings say of callers, their roles and projects."""

    api_keys: list[ApiKey] = Field(
        [], description="API keys as JSON; `python -m app keys new` makes one with its entry."
    )
    api_keys_file: Path | None = Field(
        None,
        description="File with more of them, a JSON list; read again when it changes.",
    )
    entra_tenant_id: str = Field(
        "", description="Microsoft Entra ID: the tenant whose tokens are accepted."
    )
    entra_client_id: str = Field("", description="Application (client) id of this service there.")
    entra_client_secret: SecretStr = Field(
        SecretStr(""), description="Its client secret, for signing in to the pages."
    )
    entra_grants: dict[str, Grants] = Field(
        {role.value: {EVERY: role} for role in Role},
        description="As JSON: an app role or the object id of a group, and the role for each "
        'project that it brings, such as {"Vision.Operator": {"vision": "operator"}}.',
    )
    entra_authority: str = Field(
        "https://login.microsoftonline.com",
        description="Where Entra ID is; another one in national clouds.",
    )
    quotas: dict[str, Quota] = Field(
        {},
        description="As JSON: a project (`*`: each that is not named) and the most that it may "
        'have: {"*": {"active_sweeps": 5, "trials_per_day": 1000, "concurrent_trials": 8}}.',
    )
    session_hours: float = Field(
        8.0, gt=0, le=24 * 30, description="Hours until the pages ask to sign in again."
    )
    allowed_hosts: list[str] = Field(
        [],
        description="As JSON: names under which this service may be called while it identifies "
        "nobody, beside those of loopback.",
    )
    trusted_proxies: str = Field(
        "127.0.0.1",
        description="Addresses or networks, separated by commas, of proxies whose "
        "X-Forwarded-For and X-Forwarded-Proto are believed.",
    )

    @field_validator("entra_tenant_id", "entra_client_id")
    @classmethod
    def _an_id(cls, value: str) -> str:
        if not _ID.fullmatch(value):
            raise ValueError(f"{value!r} is no id")
        return value

    @field_validator("entra_authority")
    @classmethod
    def _encrypted(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme != "https" and parts.hostname not in LOOPBACK:
            raise ValueError("must be https: whoever changes what it says may be anybody here")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if bool(self.entra_tenant_id) != bool(self.entra_client_id):
            raise ValueError("SWEEPFRONT_ENTRA_TENANT_ID and _CLIENT_ID go together: set both")
        ids = [key.id for key in self.api_keys]
        if len(set(ids)) < len(ids):
            raise ValueError("SWEEPFRONT_API_KEYS: two keys have the same id; make one anew")
        return self

    @property
    def entra(self) -> bool:
        """True when tokens of Entra ID are accepted."""
        return bool(self.entra_tenant_id)

    @property
    def entra_tenant_url(self) -> str:
        """What the addresses of the tenant begin with."""
        return f"{self.entra_authority}/{self.entra_tenant_id}"

    @property
    def entra_scope(self) -> str:
        """The scope of tokens for this service."""
        return f"api://{self.entra_client_id}/user_impersonation"

    @property
    def identifies(self) -> bool:
        """True when callers must say who they are."""
        return bool(self.api_keys or self.api_keys_file or self.entra)
