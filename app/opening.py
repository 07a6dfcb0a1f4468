"""A service begins and ends: the database and the folders are made ready, its parts set to work."""

import logging
import tempfile
from collections.abc import Mapping
from functools import partial

from app.api.sse import encode
from app.attending import Attending
from app.backends.azureml.request import request_of
from app.backends.base import Backend
from app.beside.link import Beside
from app.code.snapshots import CodeStore
from app.configured import azure_place, code_store, configured, receivers_of
from app.identity.doorkeeper import Doorkeeper
from app.identity.key_ring import KeyRing
from app.parts import State
from app.services.attendant import Attendant
from app.services.broadcast import Broadcast
from app.services.retention import Tallies
from app.services.retention_rounds import RetentionRounds
from app.services.views import Views
from app.settings import Settings
from app.store import keys
from app.store import sweeps as sweeps_on_record
from app.store.database import Database, migrate, schema_is_current
from app.sweep.document import BackendName
from app.sweep.errors import StoreBusyError, SweepfrontError, storage_error

_TRIED_BYTES = 64 * 1024

log = logging.getLogger(__name__)


class OutdatedDatabaseError(SweepfrontError):
    """The tables are not those that this service needs."""

    code = "outdated-database"


def prepare_database(settings: Settings) -> None:
    """Create or upgrade an embedded SQLite database; refuse another one that is outdated.

    Raises:
        OutdatedDatabaseError: with the command that upgrades.
    """
    url = settings.records_url
    if url.startswith("sqlite"):
        migrate(url)
    elif not schema_is_current(url):
        raise OutdatedDatabaseError(
            "the database's tables are not those of this version; run: python -m app migrate"
        )


def prepare(settings: Settings) -> None:
    """Make the folders and the database ready; refuse what cannot be read or written.

    Raises:
        KeyFileError: the file of API keys cannot be used.
        StoreBusyError: the data folder or the database cannot be written.
        OutdatedDatabaseError: with the command that upgrades.
    """
    # Each process of the service reads it for itself; what is wrong with it is told before any does.
    KeyRing(settings.api_keys, settings.api_keys_file)
    folder = settings.engine_folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(_TRIED_BYTES))
    except OSError as error:
        trouble = storage_error(error)
        raise StoreBusyError(
            f"{folder.parent} cannot be written (SWEEPFRONT_DATA_DIR): "
            f"{trouble.message if trouble else error}"
        ) from error
    prepare_database(settings)


def open_parts(
    settings: Settings,
    backends: Mapping[BackendName, Backend] | None = None,
    beside: Beside | None = None,
) -> State:
    """The parts of a service, at work.

    Args:
        settings: of the service.
        backends: who runs trials; default: those that the settings name.
        beside: the process that looks at sweeps; default: this one does.

    Raises:
        KeyFileError: the file of API keys cannot be used.
        OutdatedDatabaseError: with the command that upgrades.
        StoreBusyError: the records cannot be used now.
    """
    prepare_database(settings)
    db = Database(settings.records_url, tidy=beside is None)
    doorkeeper = Doorkeeper(settings, partial(keys.signing_key, db, "sessions"))
    store = code_store(settings)
    if backends is None:
        backends = configured(settings, store)
    _check_folder(db, store)
    receivers = receivers_of(settings)
    attendant: Attendant
    if beside is None:
        attending = Attending(settings, db, backends, store, receivers)
        attending.start()
        attendant = attending
    else:
        beside.start(db, backends)
        attendant = beside
    return State(
        settings=settings,
        db=db,
        backends=backends,
        code=store,
        attendant=attendant,
        broadcast=Broadcast(db, encode),
        receivers=receivers,
        azure_request=partial(request_of, place=azure_place(settings)),
        views=Views(db),
        doorkeeper=doorkeeper,
    )


def close_parts(state: State) -> None:
    """End them in order."""
    state.attendant.stop()
    state.db.close()


def retain(settings: Settings, *, dry_run: bool) -> Tallies:
    """Remove by hand, or only count, what is older than the settings allow.

    No engine is started, and so no trial.

    Raises:
        OutdatedDatabaseError: with the command that upgrades.
        ConflictError: a service is at it.
        StoreBusyError: the records cannot be used now.
    """
    prepare_database(settings)
    db = Database(settings.records_url)
    try:
        backends = configured(settings, code_store(settings))
        rounds = RetentionRounds(db, backends, settings.retention_terms, settings.retention)
        return rounds.once(dry_run=dry_run)
    finally:
        db.close()


def _check_folder(db: Database, code: CodeStore) -> None:
    """Say so when this folder is none that the other services use."""
    missing = sorted(digest for digest in sweeps_on_record.code_wanted(db) if not code.has(digest))
    if missing:
        log.warning(
            "the code of %d live sweeps is not in this SWEEPFRONT_DATA_DIR, such as %s: services that "
            "share the records must share the folder",
            len(missing),
            missing[0],
        )
