"""What the adapter makes of answers that a well-behaved cloud seldom gives."""

import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from mooring.adapters.oci import ATTEMPTS, Access, OciCloud
from mooring.core.npn.changes import (
    AttachVnic,
    CreateAddressBlock,
    CreateAddresses,
    NewVnic,
)
from mooring.core.npn.errors import (
    Busy,
    CloudError,
    NoBlock,
    NotFound,
    Refused,
    Stale,
    Throttled,
    Unavailable,
    UnderWay,
)
from mooring.core.npn.seen import InstanceSeen

INSTANCE = InstanceSeen(id="i", compartment_id="c", state="RUNNING")


@dataclass
class Call:
    method: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class Stub:
    """A server that gives the next prepared answer, and the last one for ever."""

    answers: list[tuple[int, Any, dict[str, str]]] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)

    def will(self, status: int, body: Any, **headers: str) -> None:
        named = {k.replace("_", "-"): v for k, v in headers.items()}
        self.answers.append((status, body, named))

    def refuses(self, status: int, code: str, **headers: str) -> None:
        self.will(status, {"code": code, "message": "so it is"}, **headers)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    stub: Stub

    def _answer(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length)
        headers = {k.lower(): v for k, v in self.headers.items()}
        self.stub.calls.append(
            Call(self.command, self.path, headers, json.loads(body) if body else None)
        )
        answers = self.stub.answers
        status, reply, more = answers.pop(0) if len(answers) > 1 else answers[0]
        data = reply if isinstance(reply, bytes) else json.dumps(reply).encode()
        self.send_response(status)
        for name, value in more.items():
            self.send_header(name, value)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = _answer  # noqa: N815 - http.server's names

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@dataclass
class CountingGate:
    entered: int = 0
    pauses: list[float | None] = field(default_factory=list)
    good: int = 0

    def enter(self) -> None:
        self.entered += 1

    def throttled(self, retry_after: float | None) -> None:
        self.pauses.append(retry_after)

    def answered(self) -> None:
        self.good += 1


def fingerprint(key: rsa.RSAPrivateKey) -> str:
    der = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return hashlib.md5(der, usedforsecurity=False).digest().hex(":")


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("oci")
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    (place / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    lines = [
        "[DEFAULT]",
        "user=ocid1.user.oc1..aaaa",
        "tenancy=ocid1.tenancy.oc1..aaaa",
        f"fingerprint={fingerprint(key)}",
        "region=local-1",
        f"key_file={place / 'key.pem'}",
    ]
    (place / "config").write_text("\n".join(lines))
    return place / "config"


@pytest.fixture
def stub() -> Stub:
    return Stub()


@pytest.fixture
def gate() -> CountingGate:
    return CountingGate()


@pytest.fixture
def cloud(config: Path, stub: Stub, gate: CountingGate) -> Iterator[OciCloud]:
    handler = type("Bound", (Handler,), {"stub": stub})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        made = OciCloud(
            Access(config=str(config), profile="DEFAULT", endpoint=url), gate
        )
        yield made
        made.close()
        server.shutdown()
        thread.join()


def an_ip(n: int) -> dict[str, Any]:
    return {
        "id": f"ip-{n}",
        "vnicId": "v",
        "ipAddress": f"10.0.0.{n}",
        "isPrimary": n == 0,
    }


def test_every_page_of_a_list_is_read(cloud: OciCloud, stub: Stub) -> None:
    stub.will(200, [an_ip(0), an_ip(1)], opc_next_page="two")
    stub.will(200, [an_ip(2)], opc_next_page="three")
    stub.will(200, [an_ip(3)])

    assert [a.id for a in cloud.addresses("v")] == ["ip-0", "ip-1", "ip-2", "ip-3"]
    queries = [parse_qs(urlsplit(call.path).query) for call in stub.calls]
    assert queries == [
        {"vnicId": ["v"]},
        {"vnicId": ["v"], "page": ["two"]},
        {"vnicId": ["v"], "page": ["three"]},
    ]


def test_a_list_that_points_at_itself_ends(cloud: OciCloud, stub: Stub) -> None:
    stub.will(200, [an_ip(0)], opc_next_page="again")

    assert len(cloud.addresses("v")) == 2


def test_plain_http_and_the_api_version_are_used(cloud: OciCloud, stub: Stub) -> None:
    stub.will(200, {"id": "i", "compartmentId": "c", "lifecycleState": "RUNNING"})

    assert cloud.instance("i") == INSTANCE
    assert stub.calls[0].path == "/20160918/instances/i"
    assert cloud.endpoint.startswith("http://127.0.0.1:")


def test_calls_are_signed(cloud: OciCloud, stub: Stub) -> None:
    stub.will(200, [])
    cloud.ping()

    assert (
        'headers="date (request-target) host"' in stub.calls[0].headers["authorization"]
    )


@pytest.mark.parametrize(
    ("answer", "family"),
    [
        ((401, "NotAuthenticated"), Refused),
        ((404, "NotAuthorizedOrNotFound"), NotFound),
        ((409, "IncorrectState"), Busy),
        ((409, "InvalidatedRetryToken"), Stale),
        ((409, "Conflict"), NoBlock),
        ((500, "InternalServerError"), Unavailable),
        ((503, "ServiceUnavailable"), Unavailable),
    ],
)
def test_an_error_is_asked_once_and_told(
    cloud: OciCloud,
    stub: Stub,
    gate: CountingGate,
    answer: tuple[int, str],
    family: type[CloudError],
) -> None:
    stub.refuses(*answer)
    change = CreateAddressBlock(
        vnic_id="v", slot="0", subnet_id="s", size=32, tags={"a": "b"}, token="t"
    )

    with pytest.raises(family) as caught:
        cloud.carry_out(change)

    assert str(caught.value).startswith(f"CreatePrivateIp: {answer[1]}: so it is")
    assert (len(stub.calls), gate.entered) == (1, 1)
    assert stub.calls[0].headers["opc-retry-token"] == "t"
    assert stub.calls[0].body == {
        "vnicId": "v",
        "cidrPrefixLength": 27,
        "freeformTags": {"a": "b"},
    }


def test_too_many_calls_are_asked_again_at_the_gates_pace(
    cloud: OciCloud, stub: Stub, gate: CountingGate
) -> None:
    stub.refuses(429, "TooManyRequests", retry_after="7")
    stub.refuses(429, "TooManyRequests")
    stub.will(200, an_ip(1))

    assert cloud.address("ip-1").id == "ip-1"
    assert (gate.entered, gate.pauses, gate.good) == (3, [7.0, None], 1)
    assert cloud.counts() == {
        ("GetPrivateIp", "TooManyRequests"): 2,
        ("GetPrivateIp", "OK"): 1,
    }


def test_too_many_calls_are_told_in_the_end(
    cloud: OciCloud, stub: Stub, gate: CountingGate
) -> None:
    stub.refuses(429, "TooManyRequests", retry_after="2")

    with pytest.raises(Throttled) as caught:
        cloud.vnic("v")

    assert caught.value.retry_after == 2.0
    assert gate.entered == len(stub.calls) == ATTEMPTS


def test_ten_errors_do_not_silence_the_eleventh_call(
    cloud: OciCloud, stub: Stub
) -> None:
    for _ in range(20):
        stub.refuses(500, "InternalServerError")
    stub.will(200, an_ip(1))
    for _ in range(20):
        with pytest.raises(Unavailable):
            cloud.address("ip-1")

    assert cloud.address("ip-1").id == "ip-1"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        {"id": "ip-1", "ipAddress": "nonsense"},
        {"id": "ip-1", "ipAddress": "10.0.0.1", "cidrPrefixLength": 99},
        [],
        {},
    ],
)
def test_an_answer_that_cannot_be_read_is_no_answer(
    cloud: OciCloud, stub: Stub, body: object
) -> None:
    stub.will(200, body)

    with pytest.raises(Unavailable):
        cloud.address("ip-1")


def test_nobody_there_is_no_answer(config: Path, gate: CountingGate) -> None:
    access = Access(
        config=str(config), profile="DEFAULT", endpoint="http://127.0.0.1:9"
    )
    cloud = OciCloud(access, gate)

    with pytest.raises(Unavailable) as caught:
        cloud.ping()

    assert "refused" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(cloud.counts().values()) == [1]
    cloud.close()


def test_a_vnic_is_asked_for_in_full(cloud: OciCloud, stub: Stub) -> None:
    stub.will(200, {"id": "attachment", "lifecycleState": "ATTACHING"})
    made = cloud.carry_out(
        AttachVnic(
            instance_id="i",
            slot="fast",
            vnic=NewVnic(
                subnet_id="s",
                display_name="fast",
                attachment_name="SVnic 0",
                nsg_ids=("n",),
                nic_index=1,
                tags={"mooring-npn": "abc"},
                defined_tags={"ns": {"a": "b"}},
                security_attributes={"zpr": {"app": {"value": "x"}}},
            ),
            token="t",
        )
    )

    assert made is not None
    assert (made.kind, made.id) == ("attachment", "attachment")
    assert stub.calls[0].headers["opc-retry-token"] == "t"
    assert stub.calls[0].body == {
        "instanceId": "i",
        "displayName": "SVnic 0",
        "nicIndex": 1,
        "createVnicDetails": {
            "subnetId": "s",
            "displayName": "fast",
            "nsgIds": ["n"],
            "skipSourceDestCheck": True,
            "assignPublicIp": False,
            "freeformTags": {"mooring-npn": "abc"},
            "definedTags": {"ns": {"a": "b"}},
            "securityAttributes": {"zpr": {"app": {"value": "x"}}},
        },
    }


def test_a_subnet_of_both_families_shows_both(cloud: OciCloud, stub: Stub) -> None:
    stub.will(
        200,
        {
            "id": "s",
            "lifecycleState": "AVAILABLE",
            "cidrBlock": "10.0.0.0/24",
            "ipv4CidrBlocks": ["10.0.0.0/24", "10.0.1.0/24"],
            "ipv6CidrBlock": "2001:db8::/64",
            "virtualRouterIp": "10.0.0.1",
            "ipv6VirtualRouterIp": "fe80::1",
        },
    )
    subnet = cloud.subnet("s")

    assert [str(b) for b in subnet.v4 + subnet.v6] == [
        "10.0.0.0/24",
        "10.0.1.0/24",
        "2001:db8::/64",
    ]
    assert (str(subnet.router_v4), str(subnet.router_v6)) == ("10.0.0.1", "fe80::1")


def test_a_subnet_without_ipv4_has_no_such_block(cloud: OciCloud, stub: Stub) -> None:
    stub.will(200, {"id": "s", "lifecycleState": "AVAILABLE", "cidrBlock": "<null>"})

    assert cloud.subnet("s").v4 == ()


@pytest.mark.parametrize("status", [404, 503])
def test_accepted_work_that_cannot_be_seen_is_under_way(
    cloud: OciCloud, stub: Stub, status: int
) -> None:
    """It is fresh, or the right to see it is missing: what was asked for is being made all the same."""
    stub.will(204, {}, opc_work_request_id="ocid1.work")
    stub.refuses(status, "NotAuthorizedOrNotFound")
    several = CreateAddresses(
        vnic_id="v", slot="0", subnet_id="s", count=2, tags={}, token="t"
    )

    with pytest.raises(UnderWay, match="NotAuthorizedOrNotFound") as caught:
        cloud.carry_out(several)
    assert caught.value.work == "ocid1.work"


def test_threads_have_connections_of_their_own(cloud: OciCloud, stub: Stub) -> None:
    stub.will(200, an_ip(1))
    found: list[str] = []
    threads = [
        threading.Thread(
            target=lambda: found.extend(cloud.address("ip-1").id for _ in range(20))
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == ["ip-1"] * 80
