"""compose.yaml, as far as it can be judged without starting it.

`compose-spec.schema.json` is the Compose Specification's own schema (Apache License 2.0).
"""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from app.settings import described
from tests.served import ROOT

Service = dict[str, Any]
_REPLICAS = ("sweepfront-1", "sweepfront-2")
_PINNED = re.compile(r"docker\.io/[\w/-]+:\d+\.\d+(\.\d+)?-[\w.-]+")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """The file, anchors and merges resolved."""
    found: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def services(compose: dict[str, Any]) -> dict[str, Service]:
    """Its services by name."""
    found: dict[str, Service] = compose["services"]
    return found


def test_it_is_what_the_specification_allows(compose: dict[str, Any]) -> None:
    """Names and types of all keys."""
    schema = json.loads(Path(__file__).with_name("compose-spec.schema.json").read_text())
    errors = jsonschema.Draft202012Validator(schema).iter_errors(compose)
    assert [f"{list(error.path)}: {error.message}" for error in errors] == []


def test_every_variable_is_a_setting(services: dict[str, Service]) -> None:
    """A misspelt one would have no effect, and nobody would say so."""
    known = {name for name, _, _ in described()}
    given = {
        name
        for service in services.values()
        for name in service.get("environment", {})
        if name.startswith("SWEEPFRONT_")
    }
    assert given - known == set()


def test_every_service_is_hardened(services: dict[str, Service]) -> None:
    """No writable root file system, no capabilities, no way to get any."""
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "privileged" not in service, name
        assert "cap_add" not in service, name


def test_images_are_pinned(services: dict[str, Service]) -> None:
    """Ours is built here, the others are of an exact version."""
    for name, service in services.items():
        if "build" not in service:
            assert _PINNED.fullmatch(service["image"]), name
    base = re.search(r"^ARG BASE=(\S+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert base is not None
    assert _PINNED.fullmatch(base[1])


def test_the_replicas_differ_in_their_name_only(services: dict[str, Service]) -> None:
    """One of them runs the local engine, in the volume that both see."""
    one, other = (dict(services[name]) for name in _REPLICAS)
    settings = [dict(each.pop("environment")) for each in (one, other)]
    assert [each.pop("SWEEPFRONT_REPLICA") for each in settings] == list(_REPLICAS)
    assert (one, settings[0]) == (other, settings[1])
    assert settings[0]["SWEEPFRONT_LOCAL_REPLICA"] in _REPLICAS
    assert one["volumes"] == ["data:/data"]
    assert "ports" not in one, "only the proxy is reached from elsewhere"


def test_the_proxy_knows_the_replicas(services: dict[str, Service]) -> None:
    """By name and port, with the files that it is given."""
    text = (ROOT / "deploy" / "nginx.conf").read_text(encoding="utf-8")
    assert tuple(re.findall(r"^\s*server ([\w-]+):8000", text, re.MULTILINE)) == _REPLICAS
    named = set(re.findall(r"/run/secrets/(\w+)", text))
    assert named == set(services["proxy"]["secrets"])
    assert set(services["proxy"]["depends_on"]) == set(_REPLICAS)


def test_secrets_are_files_that_git_and_the_image_never_see(compose: dict[str, Any]) -> None:
    """Each is declared, used, and below a folder that is left out."""
    used = {name for each in compose["services"].values() for name in each.get("secrets", [])}
    assert used == set(compose["secrets"])
    for secret in compose["secrets"].values():
        assert secret["file"].startswith("./secrets/")
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert {"secrets/", "sweepfront.env"} <= set(ignored)
    allowed = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in allowed
    assert not [line for line in allowed if line.startswith("!") and "secret" in line]
