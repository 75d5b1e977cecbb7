"""The services that give instances and pods their tokens, as the SDK meets them.

`Proxymux` is an OKE cluster's: TLS, a service account's token, and for the public key of a session the
session's token, which an authority of a local VCN signs. `Metadata` is an instance's: its region and
the certificate by which the identity service knows it.
"""

import base64
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from mooring.adapters import rsa
from mooring.adapters.rsa import PublicKey
from mooring.adapters.x509 import Wish
from mooring.core.vcn.api import session
from mooring.core.vcn.api.session import RsaKey, Session
from mooring.core.vcn.iam.principal import Principal
from mooring.localvcn.authority import Authority

HOST = "localhost"
HOUR = timedelta(hours=1)


@dataclass
class Proxymux:
    """What pods are answered. `lives` are those of the next tokens, the last one for ever."""

    authority: Authority
    principal: Principal
    account: str = "the-account's-token"
    refusal: int | None = None
    lives: list[timedelta] = field(default_factory=lambda: [session.LIFE])
    given: int = 0

    def answer(self, handler: BaseHTTPRequestHandler) -> tuple[int, bytes]:
        size = int(handler.headers.get("content-length") or 0)
        body = json.loads(handler.rfile.read(size))
        if self.refusal:
            return self.refusal, b"no"
        if handler.headers.get("authorization") != f"Bearer {self.account}":
            return 401, b"who is that?"
        key = PublicKey.of_der(base64.b64decode(body["podKey"]))
        life = self.lives.pop(0) if len(self.lives) > 1 else self.lives[0]
        ends = datetime.now(UTC).replace(microsecond=0) + life
        made = Session(self.principal, RsaKey(*key.numbers), ends - HOUR, ends)
        token = "ST$" + session.write(made, self.authority.tokens.sign)
        self.given += 1
        return 200, base64.b64encode(json.dumps({"token": token}).encode())


@dataclass
class Metadata:
    """What an instance is answered, by path."""

    files: dict[str, str]

    def answer(self, handler: BaseHTTPRequestHandler) -> tuple[int, bytes]:
        found = self.files.get(handler.path.removeprefix("/opc/v2/"))
        return (404, b"") if found is None else (200, found.encode())


def metadata(
    authority: Authority, region: str, name: str, units: tuple[str, ...]
) -> Metadata:
    pair = authority.instance(name, units, datetime.now(UTC))
    return Metadata(
        {
            "instance/region": region,
            "identity/cert.pem": pair.certificate.pem,
            "identity/key.pem": pair.key,
            "identity/intermediate.pem": authority.instances.certificate.pem,
        }
    )


@contextmanager
def served(service: Proxymux | Metadata, tls: Path | None = None) -> Iterator[int]:
    """Answer at a port of this machine; over TLS with the certificate and key in a file."""

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            status, body = service.answer(self)
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = handle_any  # noqa: N815 - http.server's names

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def certificate(authority: Authority, file: Path) -> Path:
    """Write a certificate of `HOST` and its key into a file."""
    key = rsa.new_private_key()
    now = datetime.now(UTC)
    wish = Wish(name=HOST, hosts=(HOST,), key=key, begins=now - HOUR, ends=now + HOUR)
    file.write_text(key + authority.root.give(wish).pem)
    return file


def another(principal: Principal, **claims: str) -> Principal:
    """Give a principal with other claims."""
    return replace(principal, claims={**principal.claims, **claims})
