"""A client of the served service, and a finished sweep for whoever only reads."""

from collections.abc import Iterator

import pytest

from sweepfront import Client, SweepHandle
from tests.client.proxy import Proxy, proxy_of
from tests.served import Json, Served, document

POINTS = {"x": {"type": "choice", "values": [0.1, 0.2, 0.3, 0.4, 0.5]}}


def url_of(service: Served) -> str:
    """The address of a service."""
    return str(service.client.base_url)


def quadratic(**more: object) -> Json:
    """A quick grid of five trials, the third of which is best."""
    return document(
        "python quadratic.py --x ${{search_space.x}} --steps 2",
        POINTS,
        code="job",
        **{"sampling_algorithm": "grid", **more},
    ) | {"limits": {"max_total_trials": 9, "max_concurrent_trials": 2}}


@pytest.fixture(scope="session")
def client(service: Served) -> Iterator[Client]:
    """Of the service that all tests share."""
    with Client(url_of(service)) as found:
        yield found


@pytest.fixture
def proxy(service: Served) -> Iterator[Proxy]:
    """In front of that service."""
    with proxy_of(url_of(service)) as running:
        yield running


@pytest.fixture(scope="session")
def finished(client: Client) -> SweepHandle:
    """A completed sweep of five trials."""
    handle = client.submit(quadratic(experiment_name="client", tags={"team": "a<b"}))
    return handle.wait(progress=False)
