"""What a caller gets when the service itself fails."""

from pathlib import Path

import httpx

from tests.served import served
from tests.unreadable import unreadable_event


def test_the_next_request_is_answered(tmp_path: Path) -> None:
    """However soon it follows on the same client, that is not reset by a connection that ends."""
    with served(tmp_path / "data") as service, unreadable_event(service) as path:
        for _ in range(20):
            answer = service.client.get(path)
            assert answer.status_code == httpx.codes.INTERNAL_SERVER_ERROR
            assert answer.json()["type"] == "/v1/problems/internal"
            assert answer.headers["Connection"] == "close"
            assert service.client.get("/healthz").status_code == httpx.codes.OK
        assert answer.json()["request_id"] in service.log()
