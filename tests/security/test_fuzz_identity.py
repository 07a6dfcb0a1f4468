"""The whole API under generated calls of a registrar, who never learns of another project."""

import os
from collections.abc import Iterator
from contextlib import suppress
from itertools import product
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error

from tests.api.test_fuzz import CHECKS
from tests.identity.conftest import Guarded

QUICK = 4
THOROUGH = int(os.environ.get("SWEEPFRONT_FUZZ_EXAMPLES", "60"))
STEPS = 12
UNSEEN = ("unseen-by-others", "secret-experiment-of-vision", "secret-tag-of-vision")


@pytest.fixture(scope="module")
def other(guarded: Guarded) -> Guarded:
    """The service with a sweep, a model and a webhook of another project than the caller's."""
    tags = {"project": "vision", "note": UNSEEN[2]}
    guarded.submit("vision-registrar", name=UNSEEN[0], experiment_name=UNSEEN[1], tags=tags)
    assert guarded.finished(UNSEEN[0])["status"] == "completed"
    registered = guarded["vision-registrar"].post(
        f"/v1/sweeps/{UNSEEN[0]}/register", json={"model_name": UNSEEN[0]}
    )
    assert registered.is_success, registered.text
    hook = {"url": "http://127.0.0.1:9/", "description": UNSEEN[2]}
    assert guarded["vision-registrar"].post("/v1/webhooks", json=hook).is_success
    return guarded


@pytest.fixture(autouse=True)
def the_other_project_is_whole(other: Guarded) -> Iterator[None]:
    """What the calls did, they did to their own."""
    caller = other["vision-registrar"]
    paths = ("/v1/sweeps", "/v1/models", "/v1/webhooks", "/v1/audit?action=sweep.submit")
    before = [caller.get(path).json() for path in paths]
    yield
    for path, was in zip(paths, before, strict=True):
        assert caller.get(path).json() == was, path


class Calls:
    """Makes calls as one caller and judges the answers."""

    def __init__(self, other: Guarded, caller: str) -> None:
        self.headers = {"X-API-Key": other.keys[caller]}
        self.count = 0
        self.found: dict[int, int] = {}

    def prepare(self, case: Any) -> None:  # noqa: ANN401 - schemathesis has no fitting type
        """Have it do no harm to this machine, and look for what it must not see."""
        self.count += 1
        if isinstance(case.query, dict):
            case.query.pop("follow", None)
        if isinstance(case.headers, dict):
            case.headers.pop("X-API-Key", None)
            case.headers.pop("Authorization", None)
        body = case.body if isinstance(case.body, dict) else {}
        if isinstance(body.get("url"), str):
            body["url"] = "https://hooks.invalid/" + body["url"][:100]
        if isinstance(body.get("trial"), dict) and isinstance(body["trial"].get("command"), str):
            body["trial"]["command"] = "false"
        if self.count % 3 == 0 and isinstance(case.path_parameters, dict):
            for name in ("name", "model"):
                if name in case.path_parameters:
                    case.path_parameters[name] = UNSEEN[0]

    def judge(self, answer: Any, sent: str) -> None:  # noqa: ANN401 - likewise
        """No fault of the service, nothing of the other project but what was sent."""
        assert answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR, answer.text
        self.found[answer.status_code] = self.found.get(answer.status_code, 0) + 1
        for word in UNSEEN:
            assert word not in answer.text or word in sent, (sent, answer.text)


def _run(other: Guarded, caller: str, examples: int) -> Calls:
    """So many generated calls of each operation, and as many that break its description."""
    api = schemathesis.openapi.from_url(f"{other.address.rstrip('/')}/openapi.json")
    calls = Calls(other, caller)
    operations: list[Any] = [
        result.ok()  # type: ignore[union-attr]  # an invalid description fails the test
        for result in api.get_all_operations()
    ]
    for operation, mode in product(operations, GenerationMode):
        if operation.path.endswith("/events"):
            continue  # a stream

        @given(case=operation.as_strategy(generation_mode=mode))
        @settings(
            max_examples=examples,
            derandomize=True,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        def check(case: Any) -> None:  # noqa: ANN401 - schemathesis has no fitting type
            calls.prepare(case)
            answer = case.call(headers=calls.headers, timeout=30)
            case.validate_response(answer, checks=CHECKS, headers=calls.headers)
            calls.judge(answer, f"{answer.request.url} {answer.request.body!r}")

        # Some operations take whatever is sent, so that nothing can be wrong with it.
        with suppress(Unsatisfiable):
            check()
    return calls


@pytest.mark.slow
def test_a_few_calls_of_each_operation(other: Guarded) -> None:
    """Each answer is announced, none is a fault, none tells of the other project."""
    assert _run(other, "nlp-ci", QUICK).count > 150


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_thousands_of_calls(other: Guarded) -> None:
    """The same, many times."""
    calls = _run(other, "nlp-ci", THOROUGH)
    print(f"{calls.count} calls, answers by status: {dict(sorted(calls.found.items()))}")
    assert calls.count > 3000


@pytest.mark.slow
def test_calls_that_follow_from_each_other(other: Guarded) -> None:
    """What one call makes, the next ones use: submit, read, cancel, register, delete."""
    api = schemathesis.openapi.from_url(f"{other.address.rstrip('/')}/openapi.json")
    calls = Calls(other, "nlp-ci")

    class Workflow(api.as_state_machine()):  # type: ignore[misc] # a class that is made
        """A walk from call to call."""

        def get_call_kwargs(self, case: Any) -> dict[str, Any]:  # noqa: ANN401 - likewise
            """As the caller."""
            calls.prepare(case)
            return {"headers": calls.headers, "timeout": 30}

        def validate_response(self, response: Any, case: Any, **more: Any) -> None:  # noqa: ANN401 - likewise
            """No fault of the service, nothing of others."""
            del more
            case.validate_response(response, checks=[not_a_server_error])
            calls.judge(response, f"{response.request.url} {response.request.body!r}")

    Workflow.run(
        settings=settings(
            max_examples=THOROUGH,
            stateful_step_count=STEPS,
            derandomize=True,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
    )
    print(f"{calls.count} calls, answers by status: {dict(sorted(calls.found.items()))}")
    assert calls.count > 300
