"""API keys as the settings hold them: never the key itself, only its hash."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from app.access.callers import Caller, Role

PREFIX = "sf_"
"""What every key begins with: then come its id, an underscore, and its secret."""
Project = Annotated[str, Field(min_length=1, max_length=250)]
Grants = Annotated[Mapping[Project, Role], Field(min_length=1)]


class ApiKey(BaseModel):
    """A key that is accepted.

    Two keys may have the same name, so that one takes the place of the other without a break.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, Field(pattern=r"^[a-z0-9]{4,32}$")]
    """The part of the key by which it is found; no secret."""
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9@._-]{0,99}$")]
    """Whose it is, as the audit log has it."""
    grants: Grants
    """The role for each project; `*` for all."""
    hash: Annotated[str, Field(pattern=r"^\$argon2id\$")]
    """Argon2id of the whole key, as `python -m app keys new` prints it."""
    expires_at: AwareDatetime | None = None
    """When it ends; None: it does not."""

    @property
    def caller(self) -> Caller:
        """Who calls with it."""
        return Caller(self.name, "api-key", self.grants)

    @property
    def expired(self) -> bool:
        """True when its time is over."""
        return self.expires_at is not None and self.expires_at <= datetime.now(UTC)
