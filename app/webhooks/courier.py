"""The courier: queues new events for those who want them, and sends what is due.

A thread looks what there is to do, when it is rung or else every few seconds; another one serves a
receiver for a while, so that one that is slow holds up nobody else. Each step may be repeated: a
message counts as sent only when its outcome is written down.
"""

import logging
import os
import random
import socket
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from ssl import SSLContext

import httpx

from app.store import deliveries, webhook_queue
from app.store.database import Database
from app.sweep.errors import SweepfrontError
from app.sweep.webhook import TEST_TYPE, DeliveryStatus, Due, Outcome, WebhookClaim
from app.watching.metrics import attempted
from app.webhooks.messages import body_of, headers_of
from app.webhooks.receivers import Receivers
from app.webhooks.retries import SCHEDULE, Answer, outcome_of
from app.webhooks.sending import CutError, Line

PATIENCE_SECONDS = 15.0
"""How long one attempt may take."""
LEASE_SECONDS = 20.0
"""Longer than an attempt; how long a receiver waits for a service that was killed."""
LOOK_SECONDS = 5.0
"""How often it is looked what other services have left to do."""
MIN_SPACING_SECONDS = 0.05
SENDERS = 16
"""Receivers that are served at once."""
IN_A_ROW = 50
"""Messages to one receiver before others get their turn."""
PRUNE_SECONDS = 600.0
_STOP_SECONDS = 1.0

log = logging.getLogger(__name__)


class Courier:
    """Delivers what the webhooks of a database ask for; several services may share the work."""

    def __init__(
        self,
        db: Database,
        receivers: Receivers,
        *,
        schedule: Sequence[float] = SCHEDULE,
        patience: float = PATIENCE_SECONDS,
        lease: float = LEASE_SECONDS,
    ) -> None:
        """Prepare to deliver.

        Args:
            db: where webhooks, events and deliveries are.
            receivers: who may be sent to.
            schedule: seconds between the attempts of a delivery.
            patience: seconds that an attempt may take.
            lease: seconds that a receiver is this service's own; longer than an attempt.
        """
        self.receivers = receivers
        self._db = db
        self._schedule = schedule
        self._patience = patience
        self._lease = lease
        self._owner = f"{socket.gethostname()}:{os.getpid()}:{random.getrandbits(32):08x}"
        self._lock = threading.Lock()
        self._serving: dict[int, threading.Thread] = {}
        self._lines: dict[int, Line] = {}
        self._bell = threading.Event()
        self._ending = threading.Event()
        self._needed = True
        self._trusted: SSLContext | None = None
        self._next_prune = 0.0
        self._thread = threading.Thread(target=self._run, name="courier", daemon=True)

    def start(self) -> None:
        """Begin to deliver."""
        self._db.listen(self._hear, afar=True)
        self._thread.start()

    def stop(self) -> None:
        """End within seconds; what a receiver keeps waiting is sent again by the next service."""
        self._ending.set()
        self._bell.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)
        with self._lock:
            senders = list(self._serving.values())
        self._join(senders)
        with self._lock:
            for line in self._lines.values():
                line.cut()
        self._join(senders)

    def wake(self) -> None:
        """There is something to send; safe from any thread."""
        self._bell.set()

    def _hear(self) -> None:
        """There are new events; where nobody has a webhook, nothing is looked up for them."""
        if self._needed:
            self._bell.set()

    def _join(self, senders: Sequence[threading.Thread]) -> None:
        deadline = time.monotonic() + _STOP_SECONDS
        for sender in senders:
            sender.join(timeout=max(0.0, deadline - time.monotonic()))

    def _run(self) -> None:
        wait = 0.0
        while not self._ending.is_set():
            self._bell.wait(wait)
            self._bell.clear()
            wait = LOOK_SECONDS
            try:
                wait = self._round()
            except SweepfrontError as error:
                log.warning("webhooks could not be looked at: %s", error)
            except Exception:
                log.exception("a round of webhooks failed")
            self._ending.wait(MIN_SPACING_SECONDS)

    def _round(self) -> float:
        """Queue, and have sent what is due; seconds until the next look, if nobody rings before."""
        look = webhook_queue.look(self._db, lease=self._lease)
        self._needed = look is not None
        if look is None:
            return LOOK_SECONDS
        if look.behind:
            while webhook_queue.queue_events(self._db) and not self._ending.is_set():
                pass
        if look.behind or (look.due_in is not None and look.due_in <= 0):
            self._claim()
        if time.monotonic() >= self._next_prune:
            self._next_prune = time.monotonic() + PRUNE_SECONDS
            deliveries.prune(self._db)
        if look.due_in is None or look.due_in <= 0:
            return LOOK_SECONDS
        return min(look.due_in, LOOK_SECONDS)

    def _claim(self) -> None:
        with self._lock:
            busy = set(self._serving)
        if len(busy) >= SENDERS or self._ending.is_set():
            return
        claims = webhook_queue.claim_due(
            self._db, self._owner, limit=SENDERS - len(busy), lease=self._lease, but=busy
        )
        for claim in claims:
            sender = threading.Thread(
                target=self._serve, args=(claim,), name=f"webhook-{claim.webhook_id}", daemon=True
            )
            with self._lock:
                sender.start()
                self._serving[claim.webhook_id] = sender

    def _serve(self, claim: WebhookClaim) -> None:
        """Send what is due to one receiver, some messages at most."""
        try:
            with suppress(CutError):
                self._send_some(claim)
            webhook_queue.release(self._db, claim)
        except SweepfrontError as error:
            # The lease runs out by itself, and what was not written down is sent again.
            log.warning("webhook %d could not be served: %s", claim.webhook_id, error)
        except Exception:
            log.exception("serving webhook %d failed", claim.webhook_id)
        finally:
            with self._lock:
                self._lines.pop(claim.webhook_id, None)
                self._serving.pop(claim.webhook_id, None)
            self._bell.set()

    def _send_some(self, claim: WebhookClaim) -> None:
        due = webhook_queue.next_due(self._db, claim, lease=self._lease)
        if due is None:
            return
        url = due.webhook.url
        with Line(url, self.receivers, self._trust, patience=self._patience) as line:
            with self._lock:
                self._lines[claim.webhook_id] = line
            for _ in range(IN_A_ROW):
                if self._ending.is_set():
                    return
                outcome = self._attempt(line, due)
                attempted(outcome.status)
                if not webhook_queue.record(self._db, claim, due.delivery.id, outcome):
                    return
                if outcome.disable:
                    log.warning("webhook %d is disabled: %s", claim.webhook_id, outcome.disable)
                # One that does not answer may keep the next message waiting as long.
                if outcome.response_status is None or outcome.hold:
                    return
                due = webhook_queue.next_due(self._db, claim, lease=self._lease)
                if due is None or due.webhook.url != url:
                    return

    def _attempt(self, line: Line, due: Due) -> Outcome:
        if due.event is None and due.delivery.type != TEST_TYPE:
            return Outcome(status=DeliveryStatus.FAILED, error="the event is not stored any more")
        try:
            body = body_of(due)
            answer = line.post(body, headers_of(due, body, datetime.now(UTC)))
        except CutError:
            raise
        except Exception as error:
            # Others that wait for the same receiver must not wait for ever.
            log.exception("delivery %d could not be sent", due.delivery.id)
            answer = Answer(error=f"{type(error).__name__}: {error}")
        luck = random.random()  # noqa: S311 - spreads retries, guards nothing
        return outcome_of(due, answer, schedule=self._schedule, luck=luck)

    def _trust(self) -> SSLContext:
        """Whose certificates are believed: SSL_CERT_FILE or SSL_CERT_DIR, else the public ones."""
        with self._lock:
            if self._trusted is None:
                self._trusted = httpx.create_ssl_context()
            return self._trusted
