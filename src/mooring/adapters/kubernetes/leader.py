"""Standing for election with a Lease; who leads is decided in `core.kube.lease`."""

import contextlib
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from mooring.adapters.kubernetes.api import Api
from mooring.core.kube import lease
from mooring.core.kube.errors import Away, Conflict, Missing
from mooring.core.kube.lease import Election, Stand, Terms, Write
from mooring.core.kube.resource import LEASES
from mooring.core.net.fields import Unreadable


def _elapsed() -> float:
    """Tell a time that nobody sets, and that goes on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def stamp() -> str:
    """Tell the wall clock's time as a MicroTime."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Who stands for which Lease. `me` differs for every process that ever stands."""

    me: str
    name: str
    namespace: str = "kube-system"
    terms: Terms = Terms()  # noqa: RUF009 - a value
    now: Callable[[], float] = _elapsed
    stamp: Callable[[], str] = stamp
    chance: Callable[[], float] = random.random


class KubeLeading:
    """Stands from when it is made until it is closed. It is a `core.kube.port.Leading`."""

    def __init__(self, api: Api, candidate: Candidate) -> None:
        self._who = candidate
        # A try that takes longer than this would make the next ones late.
        self._api = api.fork(answer=candidate.terms.deadline / 2)
        self._election = Election(me=candidate.me, terms=candidate.terms)
        self._trouble: Exception | None = Away(
            self._path(candidate.name), "no answer yet"
        )
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name=f"lease {candidate.name}", daemon=True
        )
        self._thread.start()

    def held(self) -> bool:
        """Tell whether we lead at this moment, and nobody else does."""
        return lease.leads(self._election, self._who.now())

    def wait(self, seconds: float) -> bool:
        """Wait until we lead, so long at most; tell whether we do."""
        with self._changed:
            self._changed.wait_for(self.held, seconds)
        return self.held()

    def lost(self, seconds: float) -> bool:
        """Wait until we lead no more, so long at most; tell whether that is so."""
        end = time.monotonic() + seconds
        with self._changed:
            while self.held() and (left := end - time.monotonic()) > 0:
                until = self._election.held - self._who.now()
                self._changed.wait(min(left, max(until, 0.001)))
        return not self.held()

    def holder(self) -> str:
        """Name who leads as far as known, "" when nobody does."""
        record = self._election.record
        return record.holder if record else ""

    def trouble(self) -> Exception | None:
        """Give why the Lease cannot be read or written now, None when it could the last time."""
        return self._trouble

    def close(self) -> None:
        """Give it back, so that the next one begins at once."""
        self._stopping.set()
        self._api.shut()
        self._thread.join()
        self._api.close()
        write = lease.given_back(self._election, self._who.stamp())
        led = self.held()
        self._set(Election(me=self._who.me, terms=self._who.terms))
        if led and write is not None:
            with (
                contextlib.closing(self._api.fork()) as api,
                contextlib.suppress(OSError),
            ):
                self._write(api, write)

    def _run(self) -> None:
        while not self._stopping.is_set():
            trouble: Exception | None = None
            try:
                self._try()
            except (OSError, Unreadable) as error:
                trouble = error
            with self._changed:
                self._trouble = trouble
                self._changed.notify_all()
            self._stopping.wait(lease.pause(self._who.terms, self._who.chance()))

    def _try(self) -> None:
        """Read the Lease, and write it where that is ours to do."""
        asked = self._who.now()
        self._set(self._looked())
        match lease.decide(self._election, asked, self._who.stamp()):
            case Write() as write:
                with contextlib.suppress(Conflict):  # another was faster
                    version = self._write(self._api, write)
                    self._set(lease.won(self._election, write.record, version, asked))
            case Stand():
                pass

    def _looked(self) -> Election:
        known = self._election
        try:
            document = self._api.get(self._path(self._who.name))
        except Missing:
            return lease.seen(known, None, "", self._who.now())
        record, version = lease.read(document)
        return lease.seen(known, record, version, self._who.now())

    def _write(self, api: Api, write: Write) -> str:
        body = lease.body(self._who.namespace, self._who.name, write)
        if not write.version:
            return lease.read(api.create(self._path(), body))[1]
        return lease.read(api.patch(self._path(self._who.name), body))[1]

    def _path(self, name: str = "") -> str:
        return LEASES.path(self._who.namespace, name)

    def _set(self, election: Election) -> None:
        with self._changed:
            self._election = election
            self._changed.notify_all()
