"""The service's end of the engine's control socket."""

import json
import threading
from pathlib import Path

from app.engine.control import EngineClient
from app.engine.wire import listen

_TIMES = 100


def test_an_engine_that_goes_with_its_answer_is_noticed(tmp_path: Path) -> None:
    """The answer counts, and `lost` is called, however soon after it the engine goes."""
    path = tmp_path / "control.sock"
    with listen(path) as listener:

        def answer() -> None:
            peer, _ = listener.accept()
            with peer:
                asked = json.loads(peer.recv(4096))
                peer.sendall(json.dumps({"id": asked["id"], "result": True}).encode() + b"\n")

        for _ in range(_TIMES):
            engine = threading.Thread(target=answer)
            engine.start()
            lost = threading.Event()
            client = EngineClient(path, changed=lambda _name: None, lost=lost.set)
            assert client.call("ping") is True
            assert lost.wait(10)
            client.close()
            engine.join()
