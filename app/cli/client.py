"""Speaks HTTP to a service, in the words of the contract; what it refuses becomes an error here."""

from typing import IO, Any

import httpx

Json = dict[str, Any]
_UPLOAD_SECONDS = 600.0


class ClientError(Exception):
    """A call did not succeed; the message is ready to be shown.

    Attributes:
        refused: the service answered and did not like the request.
    """

    def __init__(self, message: str, *, refused: bool = False) -> None:
        super().__init__(message)
        self.refused = refused


class Client:
    """A service at an address."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._http = httpx.Client(base_url=self.url, timeout=60.0)

    def submit(self, document: Json) -> Json:
        """Post a sweep document; the sweep.

        Raises:
            ClientError: the service refuses it or is away.
        """
        return self._call("POST", "/v1/sweeps", json=document)

    def upload(self, archive: IO[bytes]) -> str:
        """Post a tar.gz of code or data; its name for a document, `upload:<sha256>`.

        Raises:
            ClientError: the service refuses it or is away.
        """
        answer = self._call(
            "POST",
            "/v1/code",
            content=archive,
            headers={"Content-Type": "application/gzip"},
            timeout=_UPLOAD_SECONDS,
        )
        return str(answer["code"])

    def sweep(self, name: str) -> Json:
        """Read a sweep."""
        return self._call("GET", f"/v1/sweeps/{name}")

    def sweeps(self, *, status: str | None, limit: int) -> list[Json]:
        """The newest sweeps."""
        params = {"limit": limit} | ({"status": status} if status else {})
        return list(self._call("GET", "/v1/sweeps", params=params)["items"])

    def trials(self, name: str) -> list[Json]:
        """All trials of a sweep, by number."""
        found: list[Json] = []
        params = {"sort": "number", "limit": 200}
        while True:
            page = self._call("GET", f"/v1/sweeps/{name}/trials", params=params)
            found += page["items"]
            if page["next_cursor"] is None:
                return found
            params["cursor"] = page["next_cursor"]

    def register(self, name: str) -> Json:
        """Register the best trial's model as final_model."""
        return self._call("POST", f"/v1/sweeps/{name}/register")

    def replay(self, name: str, policy: Json) -> Json:
        """What another early-termination policy would have done to a sweep."""
        body = {"early_termination": policy}
        return self._call("POST", f"/v1/sweeps/{name}/replay", json=body)

    def ready(self) -> bool:
        """Whether the service takes requests now."""
        try:
            return self._http.get("/readyz", timeout=5.0).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    def _call(self, method: str, path: str, **options: Any) -> Json:  # noqa: ANN401 - httpx's own
        try:
            answer = self._http.request(method, path, **options)
        except httpx.ConnectError as error:
            raise ClientError(
                f"no service answers at {self.url}; start one with: python -m app serve "
                "(or name another with --url or SWEEPFRONT_URL)"
            ) from error
        except httpx.HTTPError as error:
            raise ClientError(f"{self.url} does not answer: {error}") from error
        if answer.is_success:
            body: Json = answer.json()
            return body
        refused = answer.is_client_error
        raise ClientError(_words(answer), refused=refused)


def _words(answer: httpx.Response) -> str:
    """A problem answer as lines of text: the title, what to do, and each fault with its place."""
    try:
        problem = answer.json()
        lines = [f"{problem['title']} ({answer.status_code}): {problem['detail']}"]
        lines += [
            f"  {fault['pointer'] or '(the document)'}: {fault['message']}"
            for fault in problem.get("errors", [])
        ]
    except (ValueError, KeyError, TypeError, AttributeError):
        return f"the service answered {answer.status_code}: {answer.text[:500]}"
    return "\n".join(lines)
