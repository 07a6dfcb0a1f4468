"""A finished sweep that the tests of the contract read."""

from typing import Any

import pytest

from tests.served import Json, Served, document

X = {"x": {"type": "choice", "values": [0.1, 0.2, 0.3, 0.4, 0.5]}}


def grid_of_five(**more: Any) -> Json:  # noqa: ANN401 - any key of the document
    """A quick sweep of five trials, the third of which is best."""
    return document(
        "python quadratic.py --x ${{search_space.x}}",
        X,
        code="job",
        **{"sampling_algorithm": "grid", "limits": {"max_total_trials": 5}, **more},
    )


@pytest.fixture(scope="session")
def finished(service: Served) -> str:
    """A completed sweep of five trials."""
    body = grid_of_five(experiment_name="contract", tags={"team": "a:b"})
    name: str = service.submit(body)["name"]
    assert service.finished(name)["status"] == "completed"
    return name
