"""A patient caller: whatever is not answered is asked again, as a client with a retry would."""

import time
from random import Random

import httpx

from tests.chaos.notes import Notes
from tests.served import Json

PATIENCE_SECONDS = 240.0
_AWAY = (httpx.codes.BAD_GATEWAY, httpx.codes.SERVICE_UNAVAILABLE)


def dice_of(seed: str) -> Random:
    """What all that is drawn from that seed is drawn with."""
    return Random(seed)  # noqa: S311 - drawn again from its seed, no secret


class GaveUpError(Exception):
    """No answer in all the time that there was."""


class Client:
    """One thread's way to the service."""

    def __init__(self, address: str, notes: Notes, dice: Random) -> None:
        self.address = address
        self._http = httpx.Client(base_url=address, timeout=30)
        self._notes = notes
        self._dice = dice

    def ask(
        self,
        method: str,
        path: str,
        *,
        body: Json | None = None,
        key: str | None = None,
        hasty: bool = False,
    ) -> tuple[httpx.Response, bool]:
        """Ask until there is an answer.

        Args:
            method: of the request.
            path: likewise.
            body: sent as JSON.
            key: sent as Idempotency-Key.
            hasty: hang up in the middle of the first request.

        Returns:
            The answer, and whether an earlier request of this call may have been heard.

        Raises:
            GaveUpError: the service was away too long.
        """
        headers = {"Idempotency-Key": key} if key else {}
        deadline = time.monotonic() + PATIENCE_SECONDS
        heard = False
        while time.monotonic() < deadline:
            timeout = self._dice.uniform(0.001, 0.05) if hasty else 30.0
            hasty = False
            try:
                answer = self._http.request(
                    method, path, json=body, headers=headers, timeout=timeout
                )
            except httpx.TransportError as error:
                heard = heard or not isinstance(error, httpx.ConnectError)
            else:
                if answer.status_code not in _AWAY:
                    if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
                        self._notes.broken(f"{method} {path}: {answer.status_code} {answer.text}")
                    return answer, heard
                heard = True
            time.sleep(0.1)
        raise GaveUpError(f"{method} {path}: no answer in {PATIENCE_SECONDS:.0f} s")

    def get(self, path: str) -> Json:
        """GET that must succeed."""
        answer, _ = self.ask("GET", path)
        if answer.status_code != httpx.codes.OK:
            raise GaveUpError(f"GET {path}: {answer.status_code} {answer.text}")
        found: Json = answer.json()
        return found

    def items(self, path: str) -> list[Json]:
        """Every item of a list."""
        found: list[Json] = []
        cursor = ""
        joint = "&" if "?" in path else "?"
        while True:
            page = self.get(f"{path}{joint}limit=200{cursor}")
            found += page["items"]
            if page["next_cursor"] is None:
                return found
            cursor = f"&cursor={page['next_cursor']}"

    def close(self) -> None:
        """Hang up."""
        self._http.close()
