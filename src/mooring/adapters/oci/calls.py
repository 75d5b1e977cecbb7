"""One call of the cloud: at the gate's pace, with this thread's clients, answered in core's words.

A refusal says more here than the cloud does: which right is most likely missing
(`core.npn.permissions`), or why nobody let us in (`core.npn.authentication`).
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any, TypeVar

from oci.exceptions import ServiceError

from mooring.adapters.oci import answers
from mooring.adapters.oci.clients import Clients
from mooring.adapters.oci.principals import Access, Principal
from mooring.adapters.oci.words import MisconfiguredError, short
from mooring.core.npn import authentication, permissions
from mooring.core.npn.errors import Answer, Throttled, Unavailable, family
from mooring.core.npn.permissions import Proofs
from mooring.core.npn.port import Gate

T = TypeVar("T")
ATTEMPTS = 4
"""How often a throttled call is asked in all."""
OK = "OK"


class Calls:
    """Makes calls. Threads may share it; each has clients of its own."""

    def __init__(self, access: Access, gate: Gate) -> None:
        self._access, self._gate = access, gate
        self.principal = Principal(access, time.monotonic)
        self._own = threading.local()
        self._made: list[Any] = []
        self._proofs: Proofs = {}
        self._counts: Counter[tuple[str, str]] = Counter()
        self._counting = threading.Lock()
        self._count = 0
        if self.principal.auth == authentication.CONFIG:
            self.clients()

    @property
    def endpoint(self) -> str:
        """Where the calls go, as far as that is known by now."""
        if not self._made:
            return self._access.endpoint or "of the principal's region"
        return str(self._made[0].base_client.endpoint)

    def counts(self) -> Mapping[tuple[str, str], int]:
        """Count the calls that were made: by operation, and "OK" or the code of the answer."""
        with self._counting:
            return dict(self._counts)

    def close(self) -> None:
        """Close every connection."""
        for client in self._made:
            client.base_client.session.close()

    def get(
        self, name: str, ask: Callable[[Clients], Any], read: Callable[[Any], T]
    ) -> T:
        """Ask for one thing and read it."""
        return self.read(name, read, self.call(name, ask).data)

    def all(
        self,
        name: str,
        ask: Callable[[Clients, str | None], Any],
        read: Callable[[Any], T],
    ) -> tuple[T, ...]:
        """Read a list to its last page."""
        found: list[T] = []
        page: str | None = None
        while True:
            response = self.call(name, partial(_on_page, ask, page))
            found += [self.read(name, read, item) for item in response.data]
            last, page = page, response.headers.get("opc-next-page")
            if not page or page == last:
                return tuple(found)

    @staticmethod
    def read(name: str, read: Callable[[Any], T], data: object) -> T:
        """Make a value of an answer; one that cannot be read is no answer."""
        try:
            return read(data)
        except (AttributeError, TypeError, ValueError) as error:
            raise Unavailable(name, "Malformed", short(error)) from error

    def call(
        self,
        name: str,
        ask: Callable[[Clients], Any],
        *,
        block: bool = False,
        without: Iterable[str] = (),
    ) -> Any:
        """Make one call; raise only CloudErrors. `without` are resource types it does not touch."""
        for attempt in range(1, ATTEMPTS + 1):
            self._gate.enter()
            clients = self.clients()
            try:
                response = ask(clients)
            except ServiceError as error:
                said = answers.answer_of(name, error, block=block)
                self._made_one(name, said.code)
                lost = self.principal.lost(error)
                if lost:
                    raise lost from error
                answer = family(self._explained(said, error, without))
                if not isinstance(answer, Throttled):
                    raise answer from None
                self._gate.throttled(answer.retry_after)
                if attempt == ATTEMPTS:
                    raise answer from None
            except Exception as error:
                # Nobody lists what the SDK and its HTTP library raise.
                lost = self.principal.lost(error)
                kind = type(error).__name__
                self._made_one(name, kind)
                raise lost or Unavailable(name, kind, short(error)) from error
            else:
                self._gate.answered()
                self._made_one(name, OK)
                self._prove(name, without)
                return response
        raise AssertionError("the last attempt returns or raises")

    def _made_one(self, name: str, code: str) -> None:
        with self._counting:
            self._counts[name, code] += 1

    def _prove(self, name: str, without: Iterable[str]) -> None:
        """Remember which rights we have; threads may lose each other's note, not the map."""
        self._count += 1
        self._proofs = permissions.proven(self._proofs, name, self._count, without)

    def _explained(
        self, answer: Answer, error: ServiceError, without: Iterable[str]
    ) -> Answer:
        """Add what the cloud does not say."""
        more = ""
        if answer.status == 401:
            ahead = authentication.skew(_date(error), datetime.now(UTC))
            principal = self.principal
            more = authentication.not_authenticated(
                principal.auth, str(principal), ahead
            )
        elif answer.code in permissions.HIDING:
            more = permissions.hint(answer.call, answer.message, self._proofs, without)
        return replace(answer, message=f"{answer.message}; {more}") if more else answer

    def clients(self) -> Clients:
        """Give this thread's clients; raise Unavailable while nobody gives us a token."""
        found: Clients | None = getattr(self._own, "clients", None)
        if found is None:
            signed = self.principal.signed()
            try:
                found = Clients(signed, self._access.endpoint)
            except Exception as error:
                raise MisconfiguredError(f"{self.principal}: {short(error)}") from error
            self._made += [found.compute, found.network, found.works]
            self._own.clients = found
        return found


def _date(error: ServiceError) -> datetime | None:
    """Give the cloud's time."""
    try:
        return parsedate_to_datetime((error.headers or {}).get("date", ""))
    except (TypeError, ValueError):
        return None


def _on_page(
    ask: Callable[[Clients, str | None], Any], page: str | None, clients: Clients
) -> Any:
    return ask(clients, page)
