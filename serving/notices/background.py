"""Sending from within the service: a thread of its own, which looks now and then."""

import threading

from serving.notices.outbox import Outbox, log_failure
from serving.notices.sending import send_due, transports_of

ACTOR = "notices"
_SECONDS = 15.0


class NoticeThread:
    """Sends what is due until it is stopped; of several services only one does at a time."""

    def __init__(self, outbox: Outbox, seconds: float = _SECONDS) -> None:
        self._outbox, self._seconds = outbox, seconds
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="notices", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the notice that is being sent; what is left stays due."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(self._outbox.rules.timeout_seconds)

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                send_due(self._outbox, transports_of(self._outbox), ACTOR, self._stopped.is_set)
            except Exception as error:
                log_failure(error)
            self._stopped.wait(self._seconds)
