"""A certificate for a token: what may be asked, and of which instance a certificate speaks."""

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mooring.core.vcn.api.errors import Refusal
from mooring.core.vcn.api.federation import CHAIN, Wish, holder, subject, wish
from mooring.core.vcn.api.signing import Refused
from mooring.core.vcn.iam.principal import Principal
from mooring.core.vcn.model import Instance
from mooring.core.vcn.world import World

TENANCY = "ocid1.tenancy.oc1..t"
NODE = Instance(
    id="ocid1.instance.oc1.local-1.node",
    compartment_id="ocid1.compartment.oc1..c",
    display_name="node",
    time_created=datetime(2026, 7, 12, tzinfo=UTC),
    lifecycle_state="RUNNING",
    availability_domain="ad",
    shape="VM",
    ocpus=1,
    memory_in_gbs=1,
    max_vnic_attachments=2,
    region="local-1",
)
WORLD = World.empty().put(NODE)
UNITS = subject(TENANCY, NODE)


def b64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def a_body(**changed: object) -> bytes:
    fields = {"certificate": b64(b"leaf"), "publicKey": b64(b"key")} | changed
    return json.dumps({k: v for k, v in fields.items() if v is not ...}).encode()


def test_a_wish_is_read() -> None:
    body = a_body(intermediateCertificates=[b64(b"one")], purpose="DEFAULT")

    assert wish(body) == Wish(b"leaf", b"key", (b"one",))


def test_chain_and_purpose_may_be_left_out() -> None:
    assert wish(a_body()) == Wish(b"leaf", b"key")


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "CannotParseRequest: The body is no JSON in UTF-8"),
        (b"\xff", "CannotParseRequest: The body is no JSON in UTF-8"),
        (b"[" * 99999, "CannotParseRequest: The body is no JSON in UTF-8"),
        (b"[]", "InvalidParameter: body [] must be an object."),
        (a_body(certificate=...), "MissingParameter: This request is missing certif"),
        (a_body(publicKey=...), "MissingParameter: This request is missing publicKey"),
        (a_body(certificate=7), "InvalidParameter: certificate 7 must be base64"),
        (a_body(publicKey="é"), "InvalidParameter: publicKey "),
        (a_body(publicKey="a b"), 'InvalidParameter: publicKey "a b" must be base64'),
        (a_body(purpose="X"), 'InvalidParameter: purpose "X" must be DEFAULT'),
        (a_body(purpose=[]), "InvalidParameter: purpose [] must be DEFAULT"),
        (
            a_body(intermediateCertificates="x"),
            'InvalidParameter: intermediateCertificates "x" must be a list',
        ),
        (
            a_body(intermediateCertificates=["YQ=="] * (CHAIN + 1)),
            "InvalidParameter: intermediateCertificates [",
        ),
        (
            a_body(intermediateCertificates=["YQ==", None]),
            "MissingParameter: This request is missing intermediateCertificates[1]",
        ),
    ],
)
def test_another_body_is_refused(body: bytes, why: str) -> None:
    with pytest.raises(Refusal) as refusal:
        wish(body)

    assert str(refusal.value).startswith(why)


@given(st.binary(max_size=60))
def test_any_bytes_are_a_wish_or_refused(body: bytes) -> None:
    with pytest.raises(Refusal):
        wish(body)


def test_the_subject_is_written_as_the_cloud_does() -> None:
    assert UNITS == (
        "opc-certtype:instance",
        "opc-compartment:ocid1.compartment.oc1..c",
        "opc-instance:ocid1.instance.oc1.local-1.node",
        "opc-tenant:ocid1.tenancy.oc1..t",
    )


def test_an_instance_is_known_by_its_certificate() -> None:
    assert holder(WORLD, TENANCY, UNITS) == Principal(
        id=NODE.id,
        kind="instance",
        tenancy=TENANCY,
        compartment_id=NODE.compartment_id,
    )


@pytest.mark.parametrize("left_out", [1, 2, 3])
def test_a_subject_says_all(left_out: int) -> None:
    units = [unit for n, unit in enumerate(UNITS) if n != left_out]

    answer = holder(WORLD, TENANCY, units)

    assert isinstance(answer, Refused)
    assert answer.why.startswith("certificate: subject must have one opc-")


def test_a_subject_says_it_once() -> None:
    units = (*UNITS, "opc-instance:another")

    assert holder(WORLD, TENANCY, units) == Refused(
        "certificate: subject must have one opc-instance:"
    )


def test_another_tenancy_is_refused() -> None:
    answer = holder(WORLD, "ocid1.tenancy.oc1..other", UNITS)

    assert answer == Refused(f"certificate: tenancy {TENANCY} is another one")


@pytest.mark.parametrize(
    "world",
    [
        World.empty(),
        WORLD.put(replace(NODE, lifecycle_state="TERMINATING")),
        WORLD.put(replace(NODE, lifecycle_state="TERMINATED")),
    ],
)
def test_an_instance_that_is_no_more_is_refused(world: World) -> None:
    answer = holder(world, TENANCY, UNITS)

    assert answer == Refused(f"certificate: there is no instance {NODE.id}")


def test_an_instance_that_was_moved_needs_a_new_certificate() -> None:
    world = WORLD.put(replace(NODE, compartment_id="elsewhere"))

    assert holder(world, TENANCY, UNITS) == Refused(
        f"certificate: {NODE.id} is not in {NODE.compartment_id} any more"
    )
