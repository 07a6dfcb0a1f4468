"""MLflow's store of the workspace, through MLflow's own REST client."""

import json
from collections.abc import Callable
from functools import cache
from typing import Any

from app.backends.azureml.outgoing import Outgoing

_Untyped = Any


def store_of(host: str, token: Callable[[], str], outgoing: Outgoing) -> _Untyped:
    """The store at an address.

    Args:
        host: the MLflow endpoint.
        token: asked for at every request, so that the token is never an old one.
        outgoing: what holds for every request.
    """
    from mlflow.utils.rest_utils import MlflowHostCreds  # noqa: PLC0415 - heavy

    store = _store_class()(lambda: MlflowHostCreds(host, token=token()))
    store.outgoing = outgoing
    return store


@cache
def _store_class() -> _Untyped:
    from mlflow.store.tracking.rest_store import RestStore  # noqa: PLC0415 - heavy
    from mlflow.utils.proto_json_utils import parse_dict  # noqa: PLC0415 - likewise
    from mlflow.utils.rest_utils import http_request  # noqa: PLC0415 - likewise

    class Store(RestStore):
        """Keeps the answer with an error, which says more than MLflow makes of it.

        MLflow itself takes every answer that is not in its own form for an internal error, and
        loses Retry-After.
        """

        outgoing: Outgoing

        def _call_endpoint(
            self, api: _Untyped, json_body: str | None = None, *_rest: _Untyped, **_more: _Untyped
        ) -> _Untyped:
            endpoint, method = self._METHOD_TO_INFO[api]
            body = _parsed(json_body)
            response = http_request(
                self.get_host_creds(),
                endpoint,
                method,
                max_retries=0,
                retry_codes=(),
                raise_on_status=False,
                respect_retry_after_header=False,
                timeout=self.outgoing.patience(),
                **{"params" if method == "GET" else "json": body},
            )
            self.outgoing.answered(response.status_code, response.headers)
            if response.status_code != 200:  # noqa: PLR2004 - MLflow answers nothing else
                raise _refusal(response)
            message = api.Response()
            parse_dict(js_dict=response.json(), message=message)
            return message

    return Store


def _parsed(text: str | None) -> _Untyped:
    return json.loads(text) if text else None


def _refusal(response: _Untyped) -> Exception:
    """MLflow's own error where the answer has its form; the answer is its `response`."""
    from mlflow.exceptions import MlflowException, RestException  # noqa: PLC0415 - heavy

    try:
        body = response.json()
    except ValueError:
        body = None
    if isinstance(body, dict) and "error_code" in body:
        error: _Untyped = RestException(body)
    else:
        nested = body.get("error") if isinstance(body, dict) else None
        words = nested.get("message") if isinstance(nested, dict) else None
        error = MlflowException(str(words or response.text))
    error.response = response
    refusal: Exception = error
    return refusal
