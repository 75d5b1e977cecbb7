"""A profile that cannot be used is told before the first call, and a 401 by its cause."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric import rsa

from mooring.adapters.oci import Access, MisconfiguredError, OciCloud
from mooring.core.npn.authentication import AUTO, CONFIG
from mooring.core.npn.errors import Refused

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
DER = KEY.public_key().public_bytes(
    form.Encoding.DER, form.PublicFormat.SubjectPublicKeyInfo
)
REAL = hashlib.md5(DER, usedforsecurity=False).digest().hex(":")
PEM = KEY.private_bytes(
    form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()
)


class Open:
    def enter(self) -> None: ...
    def throttled(self, retry_after: float | None) -> None: ...
    def answered(self) -> None: ...


@dataclass
class Files:
    """A configuration file and its key."""

    place: Path
    fingerprint: str = REAL

    @property
    def config(self) -> Path:
        return self.place / "config"

    @property
    def key(self) -> Path:
        return self.place / "key.pem"

    def write(self) -> None:
        self.key.write_bytes(PEM)
        lines = [
            "[DEFAULT]",
            "user=ocid1.user.oc1..aaaa",
            "tenancy=ocid1.tenancy.oc1..aaaa",
            f"fingerprint={self.fingerprint}",
            "region=local-1",
            f"key_file={self.key}",
        ]
        self.config.write_text("\n".join(lines) + "\n")

    def refusal(self, profile: str = "DEFAULT") -> str:
        with pytest.raises(MisconfiguredError) as told:
            OciCloud(Access(config=str(self.config), profile=profile), Open())
        return str(told.value)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    made = Files(tmp_path)
    made.write()
    return made


def test_no_file(files: Files) -> None:
    files.config.unlink()

    assert f"profile DEFAULT of {files.config}: no such file" in files.refusal()


def test_no_profile(files: Files) -> None:
    said = files.refusal("PROD")

    assert f"profile PROD of {files.config}: no such profile, there is DEFAULT" in said


def test_no_key(files: Files) -> None:
    files.key.unlink()

    assert f"key_file {files.key}: no such file; next step" in files.refusal()


def test_a_key_that_is_none(files: Files) -> None:
    files.key.write_text("no key at all")

    assert f"key_file {files.key}: " in files.refusal()
    assert "next step: name the private key" in files.refusal()


def test_another_key_than_the_fingerprint_says(files: Files) -> None:
    stated = ":".join(["00"] * 16)
    Files(files.place, stated).write()

    assert f"fingerprint {stated}: {files.key} has {REAL}" in files.refusal()


def test_auto_takes_the_profile_that_is_there(files: Files) -> None:
    cloud = OciCloud(Access(config=str(files.config), auth=AUTO), Open())

    assert cloud.auth == CONFIG
    cloud.close()


@contextmanager
def refusing(date: str | None) -> Iterator[str]:
    """A cloud that knows nobody and says what time it is."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b'{"code": "NotAuthenticated", "message": "who is that?"}'
            self.send_response(401)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def date_time_string(self, timestamp: float | None = None) -> str:
            return date or super().date_time_string(timestamp)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.daemon = True
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("date", "words"),
    [
        ("Thu, 01 Jan 2026 00:00:00 GMT", "ahead of the cloud's, which bears 300"),
        ("Fri, 01 Jan 2100 00:00:00 GMT", "behind the cloud's, which bears 300"),
        (None, "the cloud does not know profile DEFAULT of"),
        ("yesterday", "the cloud does not know profile DEFAULT of"),
    ],
)
def test_who_is_not_known_is_told_why(
    files: Files, date: str | None, words: str
) -> None:
    with refusing(date) as url:
        cloud = OciCloud(Access(config=str(files.config), endpoint=url), Open())
        with pytest.raises(Refused, match=words):
            cloud.instance("i")
        cloud.close()
