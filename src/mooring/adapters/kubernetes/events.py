"""Telling events in the background; which ones is decided in `core.kube.event`."""

import contextlib
import queue
import threading
import time

from mooring.adapters.kubernetes.api import Api
from mooring.adapters.kubernetes.leader import stamp
from mooring.core.kube import event
from mooring.core.kube.errors import Away, KubeError, Missing, Present, Throttled
from mooring.core.kube.event import Count, Make, Teller
from mooring.core.kube.informer import Pace
from mooring.core.kube.port import Note, Reference
from mooring.core.kube.resource import EVENTS

WAITING, TRIES = 1000, 6
LAST_SECONDS = 3.0
"""Seconds to tell what waits when it is closed."""
PACE = Pace(first=0.5, most=10.0)
Waiting = tuple[Reference, Note, float, str]


class KubeEvents:
    """Tells from when it is made until it is closed; what finds no room to wait is lost."""

    def __init__(self, api: Api, teller: Teller) -> None:
        self._api = api.fork()
        self._book = event.Events(teller)
        self._waiting: queue.Queue[Waiting | None] = queue.Queue(WAITING)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="events", daemon=True)
        self._thread.start()

    def tell(self, about: Reference, note: Note) -> None:
        """Tell; what was told before is counted, what comes too often is left out."""
        with contextlib.suppress(queue.Full):
            self._waiting.put_nowait((about, note, time.monotonic(), stamp()))

    def close(self) -> None:
        """Tell what waits, for a moment; then leave nothing open."""
        with contextlib.suppress(queue.Full):
            self._waiting.put(None, timeout=LAST_SECONDS)
        self._thread.join(LAST_SECONDS)
        self._stopping.set()
        self._api.shut()
        self._thread.join()
        self._api.close()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                waiting = self._waiting.get(timeout=LAST_SECONDS)
            except queue.Empty:
                continue
            if waiting is None:
                return
            self._tell(waiting)

    def _tell(self, waiting: Waiting) -> None:
        act, failures = self._book.tell(*waiting), 0
        while act is not None and failures < TRIES:
            failures += 1
            try:
                self._send(act)
            except Missing:
                self._book.forget(act.name)  # events live for an hour
                act = self._book.tell(*waiting) if isinstance(act, Count) else None
            except (Away, Throttled) as error:
                if self._stopping.wait(PACE.pause(failures, 0.0, error.retry_after)):
                    return
            except KubeError:
                return  # refused for good: events are told, not owed
            else:
                return

    def _send(self, act: Make | Count) -> None:
        match act:
            case Make():
                with contextlib.suppress(Present):
                    self._api.create(EVENTS.path(act.namespace), act.body)
            case Count():
                self._api.patch(EVENTS.path(act.namespace, act.name), act.body)
