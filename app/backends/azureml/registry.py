"""Models of the workspace: one version for each lineage, whoever asks and how often."""

import threading

from app.backends.azureml.workspace import Untyped, Workspace
from app.backends.base import Registration

_TRIES = 5
_TAKEN = "Asset paths cannot be updated"
"""Azure's words when a number is another version's."""


class Registry:
    """Registers versions; the lineage is kept in a version's tags."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._locks: dict[str, threading.Lock] = {}

    def version(self, registration: Registration, path: str, digest: str) -> Untyped:
        """The version with this lineage, made if there is none.

        Two services that make one at the same time both answer with the lower one.

        Args:
            registration: what is wanted.
            path: of the artifact, azureml://...
            digest: of the artifact (hex).
        """
        # Azure numbers a model's versions by what it has when it is asked: one at a time.
        with self._locks.setdefault(registration.model_name, threading.Lock()):
            found = self._found(registration)
            if found is not None:
                return found
            made = self._created(registration, path, digest)
            return self._found(registration) or made

    def _found(self, registration: Registration) -> Untyped:
        from azure.core.exceptions import ResourceNotFoundError  # noqa: PLC0415 - heavy

        wanted = registration.lineage.items()
        try:
            versions = list(self._workspace.client.models.list(registration.model_name))
        except ResourceNotFoundError:
            return None
        same = [each for each in versions if wanted <= dict(each.tags or {}).items()]
        return min(same, key=_number, default=None)

    def _created(self, registration: Registration, path: str, digest: str) -> Untyped:
        """A new version, under the next number when another service took the first one."""
        from azure.ai.ml.exceptions import AssetPathException  # noqa: PLC0415 - heavy
        from azure.core.exceptions import AzureError  # noqa: PLC0415 - heavy

        for left in reversed(range(_TRIES)):
            try:
                return self._create(registration, path, digest)
            except AzureError as error:
                # The SDK makes an exception of its own of this answer, or hands it on.
                taken = isinstance(error, AssetPathException) or _TAKEN in str(error)
                if not taken or not left:
                    raise
        raise AssertionError("the last try returns or raises")

    def _create(self, registration: Registration, path: str, digest: str) -> Untyped:
        from azure.ai.ml.entities import Model  # noqa: PLC0415 - heavy

        return self._workspace.client.models.create_or_update(
            Model(
                name=registration.model_name,
                path=path,
                type=registration.type,
                description=registration.description,
                tags={**registration.tags, **registration.lineage, "sweepfront.sha256": digest},
            )
        )


def _number(version: Untyped) -> tuple[bool, int, str]:
    """Versions that are numbers come first, in their order."""
    text = str(version.version)
    return (not text.isdigit(), int(text) if text.isdigit() else 0, text)
