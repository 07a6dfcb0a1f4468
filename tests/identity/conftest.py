"""A service that asks who calls, and callers with keys of several roles and projects."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.access.keys import ApiKey
from app.identity.key_ring import entry_text, new_key
from tests.served import Json, Served, document, served

X = {"x": {"type": "choice", "values": [0.1, 0.2, 0.3]}}
GRANTS = {
    "chief": {"*": "registrar"},
    "guest": {"*": "reader"},
    "vision-ci": {"vision": "operator"},
    "vision-reader": {"vision": "reader"},
    "vision-registrar": {"vision": "registrar"},
    "nlp-ci": {"nlp": "registrar"},
    "both": {"nlp": "operator", "vision": "operator"},
}


class Guarded:
    """The service, and clients that call it with the keys of these callers."""

    def __init__(self, service: Served, keys: dict[str, str]) -> None:
        self.service = service
        self.keys = keys
        self.address = str(service.client.base_url)
        self._clients = {name: self.client(key) for name, key in keys.items()}

    def client(self, key: str = "", **more: str) -> httpx.Client:
        """A client with that key."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.Client(base_url=self.address, headers={**headers, **more}, timeout=30)

    def __getitem__(self, name: str) -> httpx.Client:
        """The client of one of the callers."""
        return self._clients[name]

    def submit(self, caller: str, **more: Any) -> Json:  # noqa: ANN401 - any key of the document
        """A small sweep of that caller, which must be accepted."""
        answer = self[caller].post("/v1/sweeps", json=small(**more))
        assert answer.status_code == httpx.codes.ACCEPTED, answer.text
        found: Json = answer.json()
        return found

    def finished(self, name: str) -> Json:
        """The sweep once it has ended, as the chief sees it."""
        self.service.client.headers["Authorization"] = f"Bearer {self.keys['chief']}"
        return self.service.finished(name)

    def close(self) -> None:
        """Close the clients."""
        for client in self._clients.values():
            client.close()


def small(**more: Any) -> Json:  # noqa: ANN401 - any key of the document
    """A grid of three quick trials whose model can be registered."""
    limits = {"max_total_trials": 3, "max_concurrent_trials": 1}
    return document(
        "python quadratic.py --x ${{search_space.x}}",
        X,
        code="job",
        **{"sampling_algorithm": "grid", "limits": limits, **more},
    )


def entries(grants: dict[str, Any]) -> tuple[dict[str, str], list[ApiKey]]:
    """A key for each name, and the entries of the settings."""
    made = {name: new_key(name, given) for name, given in grants.items()}
    return {name: key for name, (key, _) in made.items()}, [entry for _, entry in made.values()]


def settings_of(found: list[ApiKey]) -> dict[str, str]:
    """The settings that accept these keys."""
    return {"SWEEPFRONT_API_KEYS": f"[{','.join(entry_text(entry) for entry in found)}]"}


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory, scripts: Path) -> Iterator[Guarded]:
    """One service for all tests that do no harm to it."""
    keys, found = entries(GRANTS)
    folder = tmp_path_factory.mktemp("guarded") / "data"
    environment = settings_of(found) | {
        "SWEEPFRONT_QUOTAS": json.dumps({"small": {"active_sweeps": 0}}),
        "SWEEPFRONT_WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
        "SWEEPFRONT_WEBHOOK_ALLOW_HTTP": "true",
    }
    with served(folder, code_root=scripts, environment=environment) as service:
        found_service = Guarded(service, keys)
        yield found_service
        found_service.close()
