"""A service that has run a sweep, and what it tells Prometheus."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.monitoring.promtool import found, required
from tests.served import Served, document, served

QUADRATIC = "python quadratic.py --x ${{search_space.x}}"
SPACE = {"x": {"type": "choice", "values": [0.1, 0.2, 0.3]}}


@pytest.fixture(scope="session")
def worked(tmp_path_factory: pytest.TempPathFactory, scripts: Path) -> Iterator[Served]:
    """A service that has run a sweep of three trials."""
    with served(tmp_path_factory.mktemp("watched") / "data", code_root=scripts) as service:
        body = document(QUADRATIC, SPACE, code="job", sampling_algorithm="grid")
        name = service.submit({**body, "name": "watched"})["name"]
        assert service.finished(name)["status"] == "completed"
        yield service


@pytest.fixture
def promtool() -> None:
    """Skips where there is none, unless it is required."""
    if found() is None:
        assert not required(), "SWEEPFRONT_PROMTOOL=required"
        pytest.skip("no promtool; see tests/monitoring/promtool.py")
