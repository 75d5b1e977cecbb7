"""A Kubernetes API server on 127.0.0.1: real HTTP, objects in memory, faults on demand.

It knows the kinds of `core.kube.resource` and what matters of the real one's manners: versions,
generations, the status as a part of its own, merge patches with an optimistic lock, lists in pages,
watches that resume, bookmarks, finalizers. `tests/adapters/test_kubernetes_store.py` holds the
same claims against it and (in `tests/kubernetes`) against kube-apiserver.
"""

import base64
import contextlib
import copy
import json
import select
import socket
import ssl
import threading
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from operator import attrgetter
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from mooring.core.kube import selector
from mooring.core.kube.resource import (
    EVENTS,
    LEASES,
    NAMESPACES,
    NODES,
    NPNS,
    PODS,
    Resource,
)

KINDS = (NODES, NAMESPACES, PODS, LEASES, EVENTS, NPNS)
WITH_STATUS = {NODES.plural, PODS.plural, NPNS.plural}
Document = dict[str, Any]


@dataclass
class Fault:
    """What is done instead of answering, to the next `times` requests that fit."""

    fits: Callable[[str, str], bool]
    status: int = 0  # answered so; 0 hangs up without an answer
    reason: str = ""
    retry_after: str = ""
    times: int = 1
    delay: float = 0.0
    gate: threading.Event | None = None  # it waits for this
    done: bool = False  # it is done before it waits
    lost: bool = False  # it is done, only the answer is lost
    raw: bytes | None = None  # sent as the body of a good answer

    @property
    def fails(self) -> bool:
        """Tell whether nothing good is answered, not even late."""
        late = self.delay or self.gate
        return bool(not late or self.status or self.lost)


@dataclass
class Happened:
    version: int
    plural: str
    before: Document | None
    after: Document | None


by_version = attrgetter("version")


def merged(target: object, patch: object) -> Any:
    """RFC 7386."""
    if not isinstance(patch, dict):
        return patch
    made = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            made.pop(key, None)
        else:
            made[key] = merged(made.get(key), value)
    return made


class Refusal(Exception):
    def __init__(self, code: int, reason: str, message: str) -> None:
        self.code = code
        self.document = status(code, reason, message)
        super().__init__(message)


def status(code: int, reason: str, message: str) -> Document:
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "code": code,
        "reason": reason,
        "message": message,
    }


@dataclass
class Choice:
    """Which objects of a kind are meant."""

    resource: Resource
    namespace: str = ""
    labels: selector.Selector = field(default_factory=selector.Selector)
    fields: dict[str, str] = field(default_factory=dict)

    def fits(self, document: Document | None) -> bool:
        if document is None:
            return False
        meta = document["metadata"]
        here = {
            "metadata.name": meta["name"],
            "metadata.namespace": meta.get("namespace", ""),
            "spec.nodeName": (document.get("spec") or {}).get("nodeName", ""),
            "regarding.name": (document.get("regarding") or {}).get("name", ""),
        }
        return (
            self.namespace in ("", meta.get("namespace", ""))
            and self.labels.met(meta.get("labels") or {})
            and all(here[key] == value for key, value in self.fields.items())
        )


class Store:
    """The objects, and all that happened to them."""

    def __init__(self) -> None:
        self.changed = threading.Condition(threading.RLock())
        self.version = 100
        self.forgotten = 0  # versions up to here cannot be watched from
        self.objects: dict[str, dict[str, Document]] = {k.plural: {} for k in KINDS}
        self.history: list[Happened] = []
        self.pages: dict[str, tuple[int, list[Document]]] = {}
        self.uids = 0

    def put(self, resource: Resource, document: Document) -> Document:
        """Make or replace an object past all rules, as somebody else would."""
        with self.changed:
            made = copy.deepcopy(document)
            key = self.key(made)
            before = self.objects[resource.plural].get(key)
            made.setdefault("apiVersion", resource.api_version)
            made.setdefault("kind", resource.kind)
            if before:
                made["metadata"]["uid"] = before["metadata"]["uid"]
            else:
                self.uids += 1
                made["metadata"]["uid"] = f"uid-{self.uids}"
            return self._keep(resource, before, made)

    def create(
        self, resource: Resource, namespace: str, document: Document
    ) -> Document:
        with self.changed:
            made = copy.deepcopy(document)
            meta = made.setdefault("metadata", {})
            if resource.namespaced:
                meta["namespace"] = namespace
            if self.key(made) in self.objects[resource.plural]:
                raise Refusal(409, "AlreadyExists", f"{meta['name']} exists")
            meta["generation"] = 1
            if resource.plural in WITH_STATUS:
                made.pop("status", None)
            return self.put(resource, made)

    def patch(
        self, resource: Resource, key: str, part: str, patch: Document
    ) -> Document:
        with self.changed:
            before = self.get(resource, key)
            wanted = (patch.get("metadata") or {}).get("resourceVersion")
            if wanted and wanted != before["metadata"]["resourceVersion"]:
                raise Refusal(409, "Conflict", "the object has been modified")
            made = _changed(before, patch, part, resource.plural in WITH_STATUS)
            if made == before:
                return before
            meta = made["metadata"]
            if made.get("spec") != before.get("spec"):
                meta["generation"] = meta.get("generation", 1) + 1
            if meta.get("deletionTimestamp") and not meta.get("finalizers"):
                return self._drop(resource, key)
            return self._keep(resource, before, made)

    def delete(self, resource: Resource, key: str) -> Document:
        with self.changed:
            before = self.get(resource, key)
            if before["metadata"].get("finalizers"):
                made = copy.deepcopy(before)
                made["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
                return self._keep(resource, before, made)
            self._drop(resource, key)
            return {"kind": "Status", "apiVersion": "v1", "status": "Success"}

    def get(self, resource: Resource, key: str) -> Document:
        with self.changed:
            try:
                return self.objects[resource.plural][key]
            except KeyError:
                raise Refusal(404, "NotFound", f"{key} not found") from None

    def forget(self) -> None:
        """Compact: nobody can go on from a version before now, no list go on."""
        with self.changed:
            self.version += 1
            self.forgotten = self.version
            self.pages.clear()

    def list(self, choice: Choice, limit: int, token: str) -> Document:
        with self.changed:
            if token:
                try:
                    version, items = self.pages[token]
                except KeyError:
                    raise Refusal(410, "Expired", "continue token expired") from None
            else:
                version = self.version
                kept = sorted(self.objects[choice.resource.plural].items())
                items = [each for _, each in kept if choice.fits(each)]
            meta: Document = {"resourceVersion": str(version)}
            if limit and len(items) > limit:
                meta["continue"] = base64.b64encode(
                    f"{version}:{items[limit]['metadata']['name']}:{len(items)}".encode()
                ).decode()
                self.pages[meta["continue"]] = version, items[limit:]
                items = items[:limit]
            kind = choice.resource
            return {
                "kind": f"{kind.kind}List",
                "apiVersion": kind.api_version,
                "metadata": meta,
                "items": items,
            }

    def since(self, version: int) -> Sequence[Happened]:
        """Give what happened after a version; a thousand nodes make a long history."""
        return self.history[bisect_right(self.history, version, key=by_version) :]

    @staticmethod
    def key(document: Document) -> str:
        meta = document["metadata"]
        namespace = meta.get("namespace")
        return f"{namespace}/{meta['name']}" if namespace else str(meta["name"])

    def _keep(
        self, resource: Resource, before: Document | None, made: Document
    ) -> Document:
        self.version += 1
        made = copy.deepcopy(made)
        made["metadata"]["resourceVersion"] = str(self.version)
        self.objects[resource.plural][self.key(made)] = made
        self._happened(resource, before, made)
        return made

    def _drop(self, resource: Resource, key: str) -> Document:
        gone = copy.deepcopy(self.objects[resource.plural].pop(key))
        self.version += 1
        gone["metadata"]["resourceVersion"] = str(self.version)
        self._happened(resource, gone, None)
        return gone

    def _happened(
        self, resource: Resource, before: Document | None, after: Document | None
    ) -> None:
        self.history.append(Happened(self.version, resource.plural, before, after))
        self.changed.notify_all()


def _changed(
    before: Document, patch: Document, part: str, has_status: bool
) -> Document:
    """What a patch makes of an object; the status is changed by itself only."""
    made: Document = merged(before, patch)
    for name in ("uid", "resourceVersion", "generation", "namespace", "name"):
        if name in before["metadata"]:
            made["metadata"][name] = before["metadata"][name]
    if part == "status":
        return {**before, "status": made.get("status", {})}
    if has_status:
        made.pop("status", None)
        if "status" in before:
            made["status"] = before["status"]
    return made


def event(choice: Choice, happened: Happened) -> Document | None:
    """What a watcher of `choice` is told."""
    if happened.plural != choice.resource.plural:
        return None
    was, is_ = choice.fits(happened.before), choice.fits(happened.after)
    if is_:
        return {"type": "MODIFIED" if was else "ADDED", "object": happened.after}
    if was and happened.before:
        gone = copy.deepcopy(happened.before)
        gone["metadata"]["resourceVersion"] = str(happened.version)
        return {"type": "DELETED", "object": gone}
    return None


class ApiServer:
    """The server; `faults` wait for the requests that they fit."""

    def __init__(self, trust: ssl.SSLContext | None = None, port: int = 0) -> None:
        self.store = Store()
        self.faults: list[Fault] = []
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.tokens: set[str] | None = None
        self.watchers: list[Watcher] = []
        self.cut_short: int | None = None
        self.sockets: set[socket.socket] = set()
        self._closing = False
        self._ending = threading.Event()
        self.delaying = 0

        class Handler(_Handler):
            server_object = self

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = False
        self._scheme = "http"
        if trust:
            self._scheme = "https"
            self._server.socket = trust.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self.port}"

    def fail(self, method: str, path: str, **what: Any) -> None:
        """Let the next request whose method and path (a part of it) fit meet a fault."""
        self.faults.append(Fault(lambda m, p: m == method and path in p, **what))

    def count(self, method: str, path: str = "", **query: str) -> int:
        """How often something was asked."""
        return len(
            [
                1
                for m, p, q in list(self.asked)
                if m == method and path in p and query.items() <= q.items()
            ]
        )

    def tear(self, half: bytes = b"") -> None:
        """Cut every watch, in the middle of a line where `half` is given."""
        for watcher in list(self.watchers):
            watcher.tear(half)

    def say(self, line: bytes) -> None:
        """Send every watcher a line of its own."""
        for watcher in list(self.watchers):
            watcher.say(line)

    def bookmark(self) -> None:
        with self.store.changed:
            for watcher in list(self.watchers):
                watcher.bookmark(self.store.version)

    def close(self) -> None:
        self._closing = True
        self._ending.set()
        self._server.shutdown()
        self._thread.join()
        self.tear()
        for each in list(self.sockets):
            with contextlib.suppress(OSError):
                socket.socket.shutdown(each, socket.SHUT_RDWR)
        self._server.server_close()

    def delay(self, fault: Fault) -> None:
        """Let a request wait, until the server is closed at most; count those that do."""
        with self.store.changed:
            self.delaying += 1
        self._ending.wait(fault.delay)
        while fault.gate and not fault.gate.wait(0.05) and not self._closing:
            pass
        with self.store.changed:
            self.delaying -= 1

    def fault(self, method: str, path: str) -> Fault | None:
        with self.store.changed:
            for fault in self.faults:
                if fault.fits(method, path):
                    fault.times -= 1
                    if fault.times <= 0:
                        self.faults.remove(fault)
                    return fault
        return None


class Watcher:
    """One open watch."""

    def __init__(self, handler: "_Handler", choice: Choice, place: int) -> None:
        self.handler, self.choice, self.place = handler, choice, place
        self.torn = False
        self._lock = threading.Lock()

    def send(self, line: bytes) -> None:
        data = line + b"\n"
        with self._lock:
            self.handler.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
            self.handler.wfile.flush()

    def say(self, line: bytes) -> None:
        with contextlib.suppress(OSError):
            self.send(line)

    def bookmark(self, version: int) -> None:
        kind = self.choice.resource
        body = {
            "kind": kind.kind,
            "apiVersion": kind.api_version,
            "metadata": {"resourceVersion": str(version)},
        }
        self.say(json.dumps({"type": "BOOKMARK", "object": body}).encode())

    def tear(self, half: bytes = b"") -> None:
        self.torn = True
        with contextlib.suppress(OSError, ValueError):
            if half:
                with self._lock:
                    self.handler.wfile.write(b"%x\r\n%b\r\n" % (len(half), half))
                    self.handler.wfile.flush()
            socket.socket.shutdown(self.handler.connection, socket.SHUT_RDWR)
        with self.handler.server_object.store.changed:
            self.handler.server_object.store.changed.notify_all()


class _Handler(BaseHTTPRequestHandler):
    server_object: ApiServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def setup(self) -> None:
        super().setup()
        self.server_object.sockets.add(self.connection)

    def finish(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            super().finish()
        self.server_object.sockets.discard(self.connection)

    def handle(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            super().handle()

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self._serve("GET")

    def do_POST(self) -> None:
        self._serve("POST")

    def do_PATCH(self) -> None:
        self._serve("PATCH")

    def do_DELETE(self) -> None:
        self._serve("DELETE")

    def _serve(self, method: str) -> None:
        server = self.server_object
        parts = urlsplit(self.path)
        query = {k: v[0] for k, v in parse_qs(parts.query).items()}
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else {}
        server.asked.append((method, parts.path, query))
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if server.tokens is not None and token not in server.tokens:
            self._answer(401, status(401, "Unauthorized", "Unauthorized"))
            return
        fault = server.fault(method, parts.path)
        if fault and not fault.done:
            server.delay(fault)
        if fault and fault.fails:
            if fault.lost:
                self._act(method, parts.path, query, body, fault)
            self._fail(fault)
            return
        self._act(method, parts.path, query, body, fault)

    def _fail(self, fault: Fault) -> None:
        if fault.raw is not None:
            self._send(fault.status or 200, fault.raw, "")
        elif fault.status:
            document = status(fault.status, fault.reason, "as the test wanted")
            self._answer(fault.status, document, fault.retry_after)
        else:
            socket.socket.shutdown(self.connection, socket.SHUT_RDWR)
            self.close_connection = True

    def _act(
        self,
        method: str,
        path: str,
        query: dict[str, str],
        body: Document,
        fault: Fault | None,
    ) -> None:
        server, store = self.server_object, self.server_object.store
        silent = fault is not None and fault.lost
        try:
            choice, name, part = _target(path, query)
            if not name and query.get("watch") == "true":
                self._watch(choice, query)
                return
            key = f"{choice.namespace}/{name}" if choice.namespace else name
            answer = {
                "POST": lambda: store.create(choice.resource, choice.namespace, body),
                "PATCH": lambda: store.patch(choice.resource, key, part, body),
                "DELETE": lambda: store.delete(choice.resource, key),
                "GET": lambda: _shown(store, choice, key if name else "", query),
            }[method]()
        except Refusal as refusal:
            if not silent:
                self._answer(refusal.code, refusal.document)
            return
        if fault and fault.done:
            server.delay(fault)
        if not silent:
            self._answer(201 if method == "POST" else 200, answer)

    def _answer(self, code: int, document: Document, retry_after: str = "") -> None:
        self._send(code, json.dumps(document).encode(), retry_after)

    def _send(self, code: int, data: bytes, retry_after: str) -> None:
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        if retry_after:
            self.send_header("Retry-After", retry_after)
        self.end_headers()
        self.wfile.write(data)

    def _watch(self, choice: Choice, query: dict[str, str]) -> None:
        server, store = self.server_object, self.server_object.store
        version = int(query.get("resourceVersion") or store.version)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()
        self.close_connection = True
        end = time.monotonic() + float(query.get("timeoutSeconds", "300"))
        watcher = Watcher(self, choice, version)
        try:
            with store.changed:
                known = version >= store.forgotten
                if known:
                    server.watchers.append(watcher)
            if known:
                self._follow(watcher, end)
            else:
                gone = status(410, "Expired", "too old resource version")
                watcher.send(json.dumps({"type": "ERROR", "object": gone}).encode())
            if not watcher.torn:
                self.wfile.write(b"0\r\n\r\n")
        finally:
            with contextlib.suppress(ValueError):
                server.watchers.remove(watcher)

    def _follow(self, watcher: Watcher, end: float) -> None:
        store = self.server_object.store
        while not watcher.torn and not self.server_object._closing:
            with store.changed:
                news = store.since(watcher.place)
                if not news:
                    left = end - time.monotonic()
                    if left <= 0:
                        return
                    store.changed.wait(min(left, 0.5))
            if not news and self._left():
                return
            for happened in news:
                watcher.place = happened.version
                told = event(watcher.choice, happened)
                if told is not None:
                    watcher.send(json.dumps(told).encode())

    def _left(self) -> bool:
        """Tell whether the client is gone: during a watch it says nothing, so it is its end."""
        said = select.poll()
        said.register(self.connection, select.POLLIN)
        return bool(said.poll(0))


def _shown(store: Store, choice: Choice, key: str, query: dict[str, str]) -> Document:
    if key:
        return store.get(choice.resource, key)
    limit = int(query.get("limit", "0"))
    return store.list(choice, limit, query.get("continue", ""))


def _target(path: str, query: dict[str, str]) -> tuple[Choice, str, str]:
    words = [unquote(word) for word in path.strip("/").split("/")]
    if words[:2] == ["api", "v1"]:
        group, rest = "", words[2:]
    else:
        group, rest = "".join(words[1:2]), words[3:] or [""]
    namespace = ""
    if rest[:1] == ["namespaces"] and len(rest) > 2:
        namespace, rest = rest[1], rest[2:]
    kinds = [k for k in KINDS if k.group == group and k.plural == rest[0]]
    if not kinds:
        raise Refusal(404, "NotFound", "the server could not find the resource")
    fields = dict(
        pair.split("=", 1) for pair in query.get("fieldSelector", "").split(",") if pair
    )
    labels = selector.parse(query.get("labelSelector", ""))
    choice = Choice(kinds[0], namespace, labels, fields)
    name = rest[1] if len(rest) > 1 else ""
    return choice, name, rest[2] if len(rest) > 2 else ""


@contextlib.contextmanager
def an_api_server(
    trust: ssl.SSLContext | None = None, port: int = 0
) -> Iterator[ApiServer]:
    server = ApiServer(trust, port)
    try:
        yield server
    finally:
        server.close()
