"""Run the emulator: `python -m tests.azure_emulator --folder DIR --port PORT`."""

import argparse
import shlex
import signal
from pathlib import Path

import uvicorn

from tests.azure_emulator.emulator import Emulator


def main() -> None:
    """Serve until Ctrl-C; what to export is printed first and kept in DIR/environment."""
    parser = argparse.ArgumentParser(description="Azure ML, emulated on this machine.")
    parser.add_argument("--folder", type=Path, default=Path("sweepfront-data/azure-emulator"))
    parser.add_argument("--port", type=int, default=8443)
    parser.add_argument("--slots", type=int, default=2, help="trials at once")
    parser.add_argument("--simulated", type=int, default=0, help="trials that only pretend")
    options = parser.parse_args()
    emulator = Emulator(
        options.folder.absolute(), options.port, slots=options.slots, simulated=options.simulated
    )
    lines = [
        f"export {name}={shlex.quote(value)}" for name, value in emulator.environment().items()
    ]
    (options.folder / "environment").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines), flush=True)
    # Uvicorn ends by raising the signal again, which would skip the clean-up unless it is ours.
    signal.signal(signal.SIGTERM, _exit)
    try:
        uvicorn.run(
            emulator.app(),
            host="127.0.0.1",
            port=options.port,
            ssl_certfile=str(emulator.certificate),
            ssl_keyfile=str(emulator.key),
            log_level="warning",
            timeout_graceful_shutdown=1,
        )
    finally:
        emulator.close()


def _exit(*_: object) -> None:
    raise SystemExit


if __name__ == "__main__":
    main()
