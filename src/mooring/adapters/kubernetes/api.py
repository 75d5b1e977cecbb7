"""Calls to the API server, their errors as the core's families; streams that can be stopped.

An `Api` keeps connections of its own. `fork` gives another one to the same server: a follower
has its own, so that stopping it means to shut its sockets, whatever a thread is waiting for.
"""

import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx2
from lightkube.core.exceptions import ConfigError

from mooring.adapters.kubernetes import wire
from mooring.core.kube.errors import Answer, Away, Distrusted, KubeError, family
from mooring.core.kube.kubeconfig import Access

MERGE = "application/merge-patch+json"
JSON = "application/json"
HEADERS = {"Accept": JSON, "Accept-Encoding": "identity", "User-Agent": "mooring"}
"""No compression: server and client are in one network, and it costs both a processor."""
KEEPALIVE = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 15),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 30_000),
)
"""A peer that vanished without a word is noticed after half a minute, a silent one is not cut."""
LONGEST_ERROR = 1 << 20
RETIRED = 2
"""Clients that are kept for those who may be using them still, after the authority was replaced."""
Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Asked:
    """One request; `silence` is how many seconds the answer may stay silent."""

    method: str
    path: str
    query: Mapping[str, str] | None = None
    body: Body | None = None
    content: str = JSON
    silence: float | None = None

    @property
    def call(self) -> str:
        """Name it, for people."""
        return f"{self.method} {self.path}"


class Api:
    """The API server, as one user. Every call raises `KubeError`s, no other.

    `guard` is asked before every change, and before those of the forks: what it raises comes out.
    """

    def __init__(
        self,
        access: Access,
        answer: float = wire.ANSWER,
        guard: Callable[[], None] = lambda: None,
    ) -> None:
        self.access, self._guard = access, guard
        self._answer = answer
        self._lock = threading.Lock()
        self._client: httpx2.Client | None = None
        self._retired: list[httpx2.Client] = []
        self._sockets: set[socket.socket] = set()
        self._shut = False

    @property
    def server(self) -> str:
        """Name the server, for people."""
        return self.access.server

    def fork(self, answer: float | None = None) -> "Api":
        """Give another Api with connections of its own, and its own patience."""
        return Api(self.access, answer or self._answer, self._guard)

    def guarded(self, guard: Callable[[], None]) -> "Api":
        """Give another Api that asks `guard` before every change."""
        return Api(self.access, self._answer, guard)

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        """Ask for an object or a list."""
        return self._call(_Asked("GET", path, query=query))

    def create(self, path: str, body: Body) -> Any:
        """Make an object; Present when there is one."""
        return self._call(_Asked("POST", path, body=body))

    def patch(self, path: str, body: Body) -> Any:
        """Change an object by a merge patch."""
        return self._call(_Asked("PATCH", path, body=body, content=MERGE))

    def delete(self, path: str) -> Any:
        """Delete an object."""
        return self._call(_Asked("DELETE", path))

    @contextlib.contextmanager
    def stream(
        self, path: str, query: Mapping[str, str], silence: float
    ) -> Iterator[Iterator[bytes]]:
        """Open a stream; its bytes come as they come. `silence`: seconds without any."""
        asked = _Asked("GET", path, query=query, silence=silence)
        with self._errors(asked.call):
            response = self._opened().send(self._request(asked), stream=True)
            with contextlib.closing(response):
                if response.status_code != httpx2.codes.OK:
                    raise _refused(asked.call, response)
                yield response.iter_raw()

    def shut(self) -> None:
        """End what is under way, from any thread: whoever waits for an answer gets an error."""
        with self._lock:
            self._shut = True
            for each in self._sockets:
                _shut(each)

    def close(self) -> None:
        """Leave nothing open."""
        self.shut()
        with self._lock:
            made = [*self._retired, *([self._client] if self._client else [])]
            self._client, self._retired = None, []
            self._sockets.clear()
        for each in made:
            each.close()

    def _call(self, asked: "_Asked") -> Any:
        if asked.method != "GET":
            self._guard()
        with self._errors(asked.call):
            response = self._opened().send(self._request(asked))
        if not response.is_success:
            raise _refused(asked.call, response)
        try:
            return json.loads(response.content)
        except (ValueError, RecursionError):
            raise Away(asked.call, "the answer is no JSON") from None

    def _request(self, asked: "_Asked") -> httpx2.Request:
        headers, data = dict(HEADERS), None
        if asked.body is not None:
            headers["Content-Type"] = asked.content
            data = json.dumps(asked.body).encode()
        extensions: dict[str, Any] = {"trace": self._trace}
        if self.access.server_name:
            extensions["sni_hostname"] = self.access.server_name
        return self._opened().build_request(
            asked.method,
            asked.path,
            params=dict(asked.query or {}),
            content=data,
            headers=headers,
            timeout=httpx2.Timeout(asked.silence or self._answer, connect=wire.CONNECT),
            extensions=extensions,
        )

    def _opened(self) -> httpx2.Client:
        with self._lock:
            if self._shut:
                raise Away(self.server, "this connection was closed")
            if self._client is None:
                self._client = wire.client(self.access, self._answer)
            return self._client

    def _trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Hear of a connection that was made, to be able to shut it."""
        if event not in (
            "connection.connect_tcp.complete",
            "connection.start_tls.complete",
        ):
            return
        made = info["return_value"].get_extra_info("socket")
        for option in KEEPALIVE:
            made.setsockopt(*option)
        with self._lock:
            self._sockets = {each for each in self._sockets if each.fileno() >= 0}
            self._sockets.add(made)
            if self._shut:
                _shut(made)

    @contextlib.contextmanager
    def _errors(self, call: str) -> Iterator[None]:
        """Turn whatever the wire raises into the core's families."""
        try:
            yield
        except KubeError:
            raise
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise self._away(call, error) from error
        except (ConfigError, OSError, RuntimeError) as error:
            # RuntimeError is what a client says that was closed meanwhile.
            raise Away(call, str(error)) from error

    def _away(self, call: str, error: Exception) -> KubeError:
        for cause in _causes(error):
            if isinstance(cause, KubeError):
                return cause
            if isinstance(cause, ssl.SSLCertVerificationError):
                self._renew()
                return Distrusted(call, cause.verify_message or str(cause))
        return Away(call, str(error) or type(error).__name__)

    def _renew(self) -> None:
        """Read the certificates anew the next time: the authority may have been replaced."""
        with self._lock:
            if self._client is not None:
                self._retired.append(self._client)  # others may be using it
            self._client = None
            old, self._retired = self._retired[:-RETIRED], self._retired[-RETIRED:]
        for each in old:
            each.close()


def _refused(call: str, response: httpx2.Response) -> KubeError:
    """Make the error of an answer that is none of the good ones."""
    body: object = None
    with contextlib.suppress(httpx2.HTTPError, ValueError, RecursionError):
        body = json.loads(response.read()[:LONGEST_ERROR])
    wait = response.headers.get("Retry-After", "")
    return family(
        Answer(call=call, status=response.status_code, body=body, retry_after=wait)
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _shut(each: socket.socket) -> None:
    # The class's own: that of an SSLSocket forgets its TLS state under a reader's feet.
    with contextlib.suppress(OSError):
        socket.socket.shutdown(each, socket.SHUT_RDWR)
