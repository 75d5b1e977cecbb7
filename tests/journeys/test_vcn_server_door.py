"""Who gets in, what is turned away at the door, and how a server begins and ends."""

import base64
import hashlib
import json
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from email.utils import formatdate
from http.client import HTTPConnection
from pathlib import Path

import oci
import pytest
from journeys.local_vcn import MOORING, LocalVcn, local_vcn, mooring
from oci.core import VirtualNetworkClient
from oci.core import models as m
from oci.identity import IdentityClient

from mooring.adapters.journal import Entry, Journal
from mooring.adapters.rsa import new_private_key

VCNS = "/20160918/vcns"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalVcn]:
    with local_vcn(tmp_path_factory.mktemp("vcn")) as started:
        yield started


@pytest.fixture(scope="module")
def home(server: LocalVcn) -> str:
    compartment: str = server.init()["tenancy"]
    return compartment


class Draft:
    """A request that can be changed between signing and sending."""

    def __init__(self, server: LocalVcn, method: str, target: str, body: bytes) -> None:
        self.server, self.method, self.target, self.body = server, method, target, body
        self.headers = {
            "date": formatdate(usegmt=True),
            "host": server.address,
            "content-type": "application/json",
            "content-length": str(len(body)),
            "x-content-sha256": base64.b64encode(
                hashlib.sha256(body).digest()
            ).decode(),
        }

    def sign(self, *left_out: str) -> "Draft":
        config = oci.config.from_file(str(self.server.config_file))
        names = ["date", "(request-target)", "host"]
        if self.method == "POST":
            names += ["content-length", "content-type", "x-content-sha256"]
        names = [name for name in names if name not in left_out]
        signer = oci.signer._PatchedHeaderSigner(
            "/".join(config[k] for k in ("tenancy", "user", "fingerprint")),
            oci.signer.load_private_key_from_file(config["key_file"]),
            names,
        )
        self.headers = signer.sign(
            self.headers,
            host=self.server.address,
            method=self.method,
            path=self.target,
        )
        return self

    def send(self) -> tuple[int, dict[str, str]]:
        host, port = self.server.address.split(":")
        connection = HTTPConnection(host, int(port), timeout=60)
        try:
            connection.putrequest(
                self.method, self.target, skip_host=True, skip_accept_encoding=True
            )
            for name, value in self.headers.items():
                connection.putheader(name, value)
            connection.endheaders(self.body)
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()


def a_get(server: LocalVcn, home: str) -> Draft:
    return Draft(server, "GET", f"{VCNS}?compartmentId={home}", b"")


def a_post(server: LocalVcn, home: str, **more: object) -> Draft:
    body = {"compartmentId": home, "cidrBlocks": ["10.0.0.0/16"], **more}
    return Draft(server, "POST", VCNS, json.dumps(body).encode())


SENTENCE = (
    "The required information to complete authentication was not provided or was "
    "incorrect."
)


def test_what_is_signed_is_let_in(server: LocalVcn, home: str) -> None:
    assert a_get(server, home).sign().send()[0] == 200
    assert a_post(server, home).sign().send()[0] == 200


def test_another_key_is_refused_as_the_cloud_refuses(
    server: LocalVcn, home: str, tmp_path: Path
) -> None:
    key = tmp_path / "other.pem"
    key.write_text(new_private_key())
    config = {**oci.config.from_file(str(server.config_file)), "key_file": str(key)}

    with pytest.raises(oci.exceptions.ServiceError) as refusal:
        server.client(VirtualNetworkClient, config).list_vcns(home)

    assert refusal.value.status == 401
    assert refusal.value.code == "NotAuthenticated"
    assert refusal.value.message == SENTENCE


@pytest.mark.parametrize("field", ["tenancy", "user", "fingerprint"])
def test_a_key_under_another_name_is_refused(
    server: LocalVcn, home: str, field: str
) -> None:
    config = oci.config.from_file(str(server.config_file))
    others = {
        "tenancy": "ocid1.tenancy.oc1..other",
        "user": "ocid1.user.oc1..other",
        "fingerprint": ":".join(["00"] * 16),
    }
    config[field] = others[field]

    with pytest.raises(oci.exceptions.ServiceError) as refusal:
        server.client(VirtualNetworkClient, config).list_vcns(home)

    assert refusal.value.status == 401


def test_another_body_than_the_one_that_was_signed_is_refused(
    server: LocalVcn, home: str
) -> None:
    draft = a_post(server, home).sign()
    draft.body = draft.body.replace(b"10.0", b"11.0")

    assert draft.send() == (401, {"code": "NotAuthenticated", "message": SENTENCE})
    assert "x-content-sha256: not the hash of the body" in server.log


@pytest.mark.parametrize("skew", [-600, 600])
def test_a_clock_that_is_off_is_told_so(server: LocalVcn, home: str, skew: int) -> None:
    draft = a_get(server, home)
    draft.headers["date"] = formatdate(time.time() + skew, usegmt=True)

    status, body = draft.sign().send()

    assert (status, body["code"]) == (401, "NotAuthenticated")
    assert "is not within allowed clock skew" in body["message"]


@pytest.mark.parametrize(
    "left_out", ["date", "host", "content-length", "content-type", "x-content-sha256"]
)
def test_a_header_that_is_not_signed_is_refused(
    server: LocalVcn, home: str, left_out: str
) -> None:
    status, body = a_post(server, home).sign(left_out).send()

    assert (status, body["code"]) == (401, "NotAuthenticated")
    assert f"headers: {left_out} must be signed" in server.log


@pytest.mark.parametrize("header", [None, "Bearer token", "Signature nonsense"])
def test_no_signature_is_refused(
    server: LocalVcn, home: str, header: str | None
) -> None:
    draft = a_get(server, home)
    if header is not None:
        draft.headers["authorization"] = header

    assert draft.send()[0] == 401


def test_what_is_refused_changes_nothing(server: LocalVcn, home: str) -> None:
    before = server.network.list_vcns(home).data

    for draft in (a_post(server, home), a_post(server, home).sign("date")):
        assert draft.send()[0] == 401

    assert server.network.list_vcns(home).data == before


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "CannotParseRequest"),
        (b"\xff", "CannotParseRequest"),
        (b"", "CannotParseRequest"),
        (b"[" * 100_000, "CannotParseRequest"),
        (b"[]", "InvalidParameter"),
        (b'"x"', "InvalidParameter"),
    ],
)
def test_a_body_that_is_no_object_is_refused(
    server: LocalVcn, body: bytes, code: str
) -> None:
    status, answer = Draft(server, "POST", VCNS, body).sign().send()

    assert (status, answer["code"]) == (400, code)


def test_a_body_of_another_type_cannot_be_parsed(server: LocalVcn, home: str) -> None:
    draft = a_post(server, home)
    draft.headers["content-type"] = "text/xml"

    status, answer = draft.sign().send()

    assert (status, answer["code"]) == (400, "CannotParseRequest")
    assert "content-type" in answer["message"]


def test_a_body_that_is_too_long_is_turned_away(server: LocalVcn, home: str) -> None:
    draft = a_post(server, home, displayName="x" * 1024 * 1024).sign()

    status, answer = draft.send()

    assert (status, answer["code"]) == (413, "RequestEntityTooLarge")


def test_a_body_that_grows_too_long_is_turned_away(server: LocalVcn) -> None:
    host, port = server.address.split(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        head = f"POST {VCNS} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
        connection.sendall(head.encode())
        chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
        for _ in range(17):
            connection.sendall(chunk)
        assert connection.recv(64).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/20160918/nothing", 501),
        ("PATCH", VCNS, 405),
        ("DELETE", VCNS, 405),
    ],
)
def test_other_doors_are_walls(
    server: LocalVcn, method: str, target: str, status: int
) -> None:
    body = b"{}" if method == "PATCH" else b""
    draft = Draft(server, method, target, body)
    names = ("content-length", "content-type", "x-content-sha256")
    config = oci.config.from_file(str(server.config_file))
    signer = oci.signer._PatchedHeaderSigner(
        "/".join(config[k] for k in ("tenancy", "user", "fingerprint")),
        oci.signer.load_private_key_from_file(config["key_file"]),
        ["date", "(request-target)", "host", *names],
    )
    draft.headers = signer.sign(
        draft.headers, host=server.address, method=method, path=target
    )

    assert draft.send()[0] == status


def test_the_log_has_a_line_per_request_and_no_secrets(
    server: LocalVcn, home: str
) -> None:
    before = len(server.log.splitlines())
    a_get(server, home).sign().send()
    (line,) = (x for x in server.log.splitlines()[before:] if " GET /" in x)

    assert re.fullmatch(
        r"\S+Z INFO GET /20160918/vcns 200 [0-9.]+ms opc-request-id=[0-9A-F]{32}", line
    )
    assert 'signature="' not in server.log
    assert "PRIVATE" not in server.log


@pytest.mark.parametrize("given", ["MYOWNID", "my own\tid", "x" * 300])
def test_the_request_id_comes_back(server: LocalVcn, home: str, given: str) -> None:
    config = oci.config.from_file(str(server.config_file))
    response = server.client(VirtualNetworkClient, config).base_client.call_api(
        resource_path="/vcns",
        method="GET",
        query_params={"compartmentId": home},
        header_params={"opc-request-id": given},
    )
    known = response.headers["opc-request-id"]

    assert f"opc-request-id={known}" in server.log
    assert (known == given) is (given == "MYOWNID")


def test_a_user_who_came_later_is_known_at_once(server: LocalVcn, home: str) -> None:
    config = server.init("LATER")

    assert server.client(VirtualNetworkClient, config).list_vcns(home).status == 200
    users = server.client(IdentityClient).list_users(home).data
    assert config["user"] in [user.id for user in users]


def test_a_server_whom_nobody_may_call_says_what_to_do(tmp_path: Path) -> None:
    lonely = LocalVcn(tmp_path, "none", ())
    try:
        lonely.start()
    finally:
        lonely.close()

    hint = f"nobody may call yet: mooring vcn init --state {lonely.state}\n"
    assert hint in lonely.log


def test_a_second_server_on_the_same_state_is_refused(server: LocalVcn) -> None:
    second = mooring(
        *("vcn", "serve", "--state", str(server.state), "--listen", "127.0.0.1:0")
    )

    assert second.returncode == 1
    assert "in use by another server" in second.stderr
    assert str(server.state) in second.stderr


def test_an_address_that_is_taken_is_named(server: LocalVcn, tmp_path: Path) -> None:
    second = mooring(
        *("vcn", "serve", "--state", str(tmp_path / "s"), "--listen", server.address)
    )

    assert second.returncode == 1
    assert server.address in second.stderr
    assert "in use" in second.stderr


@pytest.mark.parametrize("address", ["here", ":80", "127.0.0.1:", "127.0.0.1:99999"])
def test_an_address_that_is_none_is_named(tmp_path: Path, address: str) -> None:
    refused = mooring("vcn", "serve", "--state", str(tmp_path), "--listen", address)

    assert refused.returncode == 2
    assert repr(address) in refused.stderr


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"my diary", "not a SQLite database"),
        (b"SQLite format 3\x00" + b"\xff" * 4096, "damaged"),
    ],
)
def test_a_state_that_is_not_ours_is_refused_and_kept(
    tmp_path: Path, content: bytes, words: str
) -> None:
    (tmp_path / "vcn.sqlite").write_bytes(content)

    refused = mooring("vcn", "serve", "--state", str(tmp_path))

    assert refused.returncode == 1
    assert words in refused.stderr
    assert str(tmp_path / "vcn.sqlite") in refused.stderr
    assert "Traceback" not in refused.stderr
    assert (tmp_path / "vcn.sqlite").read_bytes() == content


def test_an_entry_that_cannot_be_read_is_named_and_kept(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.commit([Entry("vcn", "ocid1.vcn.x", '{"id": 1}')])
    journal.close()

    refused = mooring("vcn", "serve", "--state", str(tmp_path), "--listen", "[::1]:0")

    assert refused.returncode == 1
    assert f"{tmp_path}/vcn.sqlite: entry vcn ocid1.vcn.x: " in refused.stderr
    journal = Journal(tmp_path)
    assert journal.entries() == [Entry("vcn", "ocid1.vcn.x", '{"id": 1}')]
    journal.close()


def test_entries_that_contradict_each_other_are_named(tmp_path: Path) -> None:
    """Two private IPs with one address: no server of ours writes that."""
    ip = (
        '{"compartment_id":"c","display_name":"n","time_created":"2026-07-12T00:00:00+00:00",'
        '"subnet_id":"s","vcn_id":"v","ip_address":"10.0.0.5","id":"%s"}'
    )
    journal = Journal(tmp_path)
    journal.commit([Entry("privateip", name, ip % name) for name in ("a", "b")])
    journal.close()

    refused = mooring("vcn", "serve", "--state", str(tmp_path), "--listen", "[::1]:0")

    assert refused.returncode == 1
    assert "entries that do not fit together" in refused.stderr


def test_a_register_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "identity.json").write_text('{"tenancy": 5}')

    refused = mooring("vcn", "serve", "--state", str(tmp_path), "--listen", "[::1]:0")

    assert refused.returncode == 1
    assert f"{tmp_path}/identity.json: tenancy: must be a text" in refused.stderr


def test_a_descriptor_that_is_not_open_is_named(tmp_path: Path) -> None:
    refused = mooring("vcn", "serve", "--state", str(tmp_path), "--ready-fd", "77")

    assert refused.returncode == 2
    assert "77: Bad file descriptor" in refused.stderr


def test_a_register_broken_while_serving_keeps_who_was_known(tmp_path: Path) -> None:
    with local_vcn(tmp_path) as server:
        network, home = server.network, server.init()["tenancy"]
        assert network.list_vcns(home).status == 200
        (server.state / "identity.json").write_text("{")
        assert network.list_vcns(home).status == 200
        assert "register unreadable" in server.log


def test_sigterm_ends_cleanly_and_the_state_is_found_again(tmp_path: Path) -> None:
    with local_vcn(tmp_path) as server:
        home = server.init()["tenancy"]
        details = m.CreateVcnDetails(compartment_id=home, cidr_blocks=["10.0.0.0/16"])
        made = server.network.create_vcn(details, opc_retry_token="t").data

        assert server.stop() == 0
        server.start()

        network = server.network
        assert network.get_vcn(made.id).data == made
        assert network.create_vcn(details, opc_retry_token="t").data.id == made.id
        assert server.stop() == 0


def test_the_command_says_what_init_made(tmp_path: Path) -> None:
    made = mooring(
        *("vcn", "init", "--state", str(tmp_path / "s")),
        *("--config", str(tmp_path / "c"), "--profile", "LOCAL"),
        *("--endpoint", "http://127.0.0.1:1", "--region", "eu-zurich-1"),
    )
    config = oci.config.from_file(str(tmp_path / "c"), "LOCAL")

    assert made.returncode == 0
    assert made.stdout == (
        f"profile      LOCAL in {tmp_path}/c\n"
        f"user         {config['user']}\n"
        f"compartment  {config['tenancy']}\n"
        "region       eu-zurich-1\n"
        "endpoint     http://127.0.0.1:1\n"
    )


def test_init_names_what_it_does_not_take(tmp_path: Path) -> None:
    (tmp_path / "c").write_text("[LOCAL]\nuser=x\n")
    words = ["vcn", "init", "--state", str(tmp_path / "s"), "--config"]

    refused = mooring(*words, str(tmp_path / "c"), "--profile", "LOCAL")
    region = mooring(*words, str(tmp_path / "d"), "--region", "Not A Region")

    assert refused.returncode == 1
    assert "profile LOCAL has no fingerprint" in refused.stderr
    assert region.returncode == 2
    assert "'Not A Region' must match" in region.stderr


def test_help_is_there_without_the_servers_libraries() -> None:
    shown = subprocess.run(
        [MOORING, "vcn", "--help"], check=True, capture_output=True, text=True
    )

    assert {"serve", "init"} <= set(shown.stdout.split())
