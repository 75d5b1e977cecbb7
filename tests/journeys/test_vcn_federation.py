"""An instance's certificate becomes a token, and the token a caller; the SDK signs."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from oci._vendor import requests
from oci.auth.certificate_retriever import PEMStringCertificateRetriever
from oci.auth.federation_client import AuthTokenRequestSigner
from oci.auth.signers import SecurityTokenSigner
from oci.signer import load_private_key

from mooring.adapters import rsa
from mooring.adapters.credentials import (
    CredentialsError,
    Identity,
    IdentityFile,
    User,
)
from mooring.core.vcn.api import signing
from mooring.core.vcn.api.federation import subject
from mooring.core.vcn.api.requests import Reply
from mooring.core.vcn.api.signing import Received, Refused
from mooring.core.vcn.iam.principal import Principal
from mooring.core.vcn.model import ApiKey, Instance
from mooring.core.vcn.world import World
from mooring.localvcn.authority import INSTANCE_LIFE, Authority, Pair, authority
from mooring.localvcn.federation import Federation
from mooring.localvcn.identities import Identities
from mooring.localvcn.keys import Keys

NOW = datetime(2026, 7, 12, 10, 0, 0, tzinfo=UTC)
TENANCY = "ocid1.tenancy.oc1..t"
HOST = "http://auth.local-1.oraclecloud.com"
NODE = Instance(
    id="ocid1.instance.oc1.local-1." + "n" * 60,
    compartment_id=TENANCY,
    display_name="node",
    time_created=NOW,
    lifecycle_state="RUNNING",
    availability_domain="ad",
    shape="VM",
    ocpus=1,
    memory_in_gbs=1,
    max_vnic_attachments=2,
    region="local-1",
)
WORLD = World.empty().put(NODE)
SESSION_KEY = rsa.new_private_key()
STRANGERS_KEY = rsa.new_private_key()


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("state")
    IdentityFile(directory).write(Identity(TENANCY, "local-1"))
    return directory


@pytest.fixture(scope="module")
def ours(state: Path) -> Authority:
    return authority(state, lambda: NOW)


@pytest.fixture(scope="module")
def pair(ours: Authority) -> Pair:
    return ours.instance("node", subject(TENANCY, NODE), NOW)


def bare(pem: str) -> str:
    """PEM without its first and last line, in one line, as the SDK sends it."""
    return "".join(pem.splitlines()[1:-1])


def a_body(ours: Authority, pair: Pair, **changed: object) -> dict[str, Any]:
    return {
        "certificate": bare(pair.certificate.pem),
        "publicKey": bare(rsa.public_half(SESSION_KEY).pem),
        "intermediateCertificates": [bare(ours.instances.certificate.pem)],
    } | changed


def ask(
    pair: Pair,
    body: dict[str, Any],
    *,
    name: str = "",
    key: str = "",
    at: datetime = NOW,
) -> Received:
    """A request for a token, signed as the SDK signs it."""
    retriever = PEMStringCertificateRetriever(
        certificate_pem=pair.certificate.pem, private_key_pem=key or pair.key
    )
    fingerprint = pair.certificate.fingerprint("sha1")
    signer = AuthTokenRequestSigner(TENANCY, fingerprint, retriever)
    if name:
        signer = AuthTokenRequestSigner(TENANCY, fingerprint, retriever)
        signer.api_key = name
        signer.create_signers(
            name,
            retriever.get_private_key(),
            ["date", "(request-target)"],
            ["content-length", "content-type", "x-content-sha256"],
        )
    return received("POST", "/v1/x509", signer, at, json=body)


def received(
    method: str,
    path: str,
    signer: Callable[..., Any],
    at: datetime = NOW,
    **content: object,
) -> Received:
    prepared = requests.Request(
        method,
        HOST + path,
        headers={"date": format_datetime(at, usegmt=True)},
        **content,
    ).prepare()
    prepared.headers.setdefault("host", HOST.removeprefix("http://"))
    signer(prepared)
    headers = {k.lower(): str(v) for k, v in prepared.headers.items()}
    return Received(method, path, headers, prepared.body or b"")


def exchange(
    state: Path,
    ours: Authority,
    request: Received,
    world: World = WORLD,
    at: datetime = NOW,
) -> Reply | Refused:
    return Federation(ours, IdentityFile(state), lambda: world).answer(request, at)


def the_token(answer: Reply | Refused) -> str:
    assert isinstance(answer, Reply), answer
    assert answer.status == 200, answer.body
    return str(json.loads(answer.body)["token"])


def why(answer: Reply | Refused) -> str:
    """The reason in the log of a refused caller, or the message of a refused wish."""
    if isinstance(answer, Refused):
        return answer.why
    assert answer.status == 400
    return str(json.loads(answer.body)["message"])


def caller(
    state: Path,
    ours: Authority,
    token: str,
    *,
    at: datetime = NOW,
    key: str = SESSION_KEY,
) -> Principal | Refused:
    """Who a request is from that is signed with a token, after the SDK's manner."""
    signer = SecurityTokenSigner(token, load_private_key(key, None))
    request = received("GET", "/20160918/vcns", signer, at)
    keys = Keys(IdentityFile(state), lambda: WORLD, ours.tokens.public.verify)
    return signing.authenticate(request, at, lambda name: keys.holder(name, at))


def test_a_certificate_is_worth_a_token_and_the_token_a_caller(
    state: Path, ours: Authority, pair: Pair
) -> None:
    token = the_token(exchange(state, ours, ask(pair, a_body(ours, pair))))

    assert caller(state, ours, token) == Principal(
        id=NODE.id, kind="instance", tenancy=TENANCY, compartment_id=TENANCY
    )


def test_the_fingerprint_may_be_of_sha256(
    state: Path, ours: Authority, pair: Pair
) -> None:
    name = f"{TENANCY}/fed-x509-sha256/{pair.certificate.fingerprint('sha256')}"

    assert the_token(exchange(state, ours, ask(pair, a_body(ours, pair), name=name)))


def test_the_chain_may_be_left_out(state: Path, ours: Authority, pair: Pair) -> None:
    body = a_body(ours, pair)
    del body["intermediateCertificates"]

    assert the_token(exchange(state, ours, ask(pair, body)))


def test_a_token_of_another_authority_is_refused(
    state: Path, ours: Authority, pair: Pair, tmp_path: Path
) -> None:
    token = the_token(exchange(state, ours, ask(pair, a_body(ours, pair))))
    IdentityFile(tmp_path).write(Identity(TENANCY, "local-1"))
    strange = authority(tmp_path, lambda: NOW)

    assert caller(tmp_path, strange, token) == Refused("token: was not signed here")


def test_a_token_is_of_no_use_without_its_key(
    state: Path, ours: Authority, pair: Pair
) -> None:
    token = the_token(exchange(state, ours, ask(pair, a_body(ours, pair))))

    answer = caller(state, ours, token, key=STRANGERS_KEY)

    assert answer == Refused("signature does not verify with key of a session token")


def test_a_token_ends_after_twenty_minutes(
    state: Path, ours: Authority, pair: Pair
) -> None:
    token = the_token(exchange(state, ours, ask(pair, a_body(ours, pair))))
    late = NOW + timedelta(minutes=20)

    assert isinstance(caller(state, ours, token, at=late - timedelta(1e-5)), Principal)
    assert caller(state, ours, token, at=late) == Refused(
        "token: expired at 2026-07-12T10:20:00+00:00"
    )


def test_a_request_signed_by_another_key_is_refused(
    state: Path, ours: Authority, pair: Pair
) -> None:
    request = ask(pair, a_body(ours, pair), key=STRANGERS_KEY)

    assert why(exchange(state, ours, request)).startswith("signature does not verify")


@pytest.mark.parametrize(
    "name",
    [
        f"{TENANCY}/fed-x509/AA:BB",
        f"{TENANCY}/ocid1.user.oc1..u/AA:BB",
        "ocid1.tenancy.oc1..other/fed-x509/AA:BB",
        "ST$a.b.c",
    ],
)
def test_a_key_of_another_name_is_refused(
    state: Path, ours: Authority, pair: Pair, name: str
) -> None:
    answer = exchange(state, ours, ask(pair, a_body(ours, pair), name=name))

    assert why(answer).endswith("is not that of the certificate")


def test_a_request_of_another_hour_is_refused(
    state: Path, ours: Authority, pair: Pair
) -> None:
    request = ask(pair, a_body(ours, pair), at=NOW - timedelta(minutes=6))

    assert why(exchange(state, ours, request)).startswith("date: ")


def test_a_body_that_was_changed_on_the_way_is_refused(
    state: Path, ours: Authority, pair: Pair
) -> None:
    request = ask(pair, a_body(ours, pair))
    request = replace(request, body=request.body + b" ")

    assert why(exchange(state, ours, request)).startswith("x-content-sha256: ")


def test_a_certificate_that_is_over_is_refused(
    state: Path, ours: Authority, pair: Pair
) -> None:
    late = NOW + INSTANCE_LIFE + timedelta(seconds=1)
    request = ask(pair, a_body(ours, pair), at=late)

    answer = exchange(state, ours, request, at=late)

    assert why(answer) == "certificate: is not of this authority, or not of this hour"


def test_a_certificate_of_another_authority_is_refused(
    state: Path, ours: Authority, tmp_path: Path
) -> None:
    strange = authority(tmp_path, lambda: NOW)
    pair = strange.instance("node", subject(TENANCY, NODE), NOW)

    for issuer in (ours, strange):
        answer = exchange(state, ours, ask(pair, a_body(issuer, pair)))
        assert why(answer).startswith("certificate: is not of this authority")


def test_a_chain_that_does_not_hold_the_issuer_is_refused(
    state: Path, ours: Authority, pair: Pair
) -> None:
    chain = [bare(ours.root.certificate.pem)]
    body = a_body(ours, pair, intermediateCertificates=chain)

    answer = exchange(state, ours, ask(pair, body))

    assert why(answer).startswith("certificate: is not of this authority")


def test_the_authority_itself_is_no_instance(state: Path, ours: Authority) -> None:
    pair = Pair(ours.instances.certificate, ours.instances.key)

    answer = exchange(state, ours, ask(pair, a_body(ours, pair)))

    assert why(answer).startswith("certificate: is not of this authority")


def test_an_instance_that_is_no_more_gets_no_token(
    state: Path, ours: Authority, pair: Pair
) -> None:
    request = ask(pair, a_body(ours, pair))

    answer = exchange(state, ours, request, World.empty())

    assert why(answer) == f"certificate: there is no instance {NODE.id}"


def test_without_a_tenancy_there_is_no_token(
    ours: Authority, pair: Pair, tmp_path: Path
) -> None:
    answer = exchange(tmp_path, ours, ask(pair, a_body(ours, pair)))

    assert why(answer) == "certificate: there is no tenancy yet"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"certificate": "YQ=="}, "certificate "),
        ({"intermediateCertificates": ["YQ=="]}, "intermediateCertificates[0] "),
        ({"publicKey": "YQ=="}, "publicKey "),
        ({"publicKey": None}, "This request is missing publicKey."),
        ({"purpose": "SERVICE"}, 'purpose "SERVICE" must be DEFAULT'),
    ],
)
def test_what_cannot_be_read_is_named(
    state: Path, ours: Authority, pair: Pair, changed: dict[str, object], message: str
) -> None:
    request = ask(pair, a_body(ours, pair, **changed))

    assert why(exchange(state, ours, request)).startswith(message)


@pytest.mark.parametrize("bits", [1024, 2047, 8193, 16384])
def test_a_session_key_must_be_long_and_not_too_long(
    state: Path, ours: Authority, pair: Pair, bits: int
) -> None:
    odd = rsa.PublicKey.of_numbers((1 << (bits - 1)) + 1, 65537).pem
    request = ask(pair, a_body(ours, pair, publicKey=bare(odd)))

    assert why(exchange(state, ours, request)) == (
        f'publicKey "{bits} bits" must be an RSA key of 2048 to 8192 bits.'
    )


# -- keys of the identity API


ANN = User("ocid1.user.oc1..ann", "", rsa.public_half(SESSION_KEY).pem)


def an_api_key(user: str, pem: str, **changed: str) -> ApiKey:
    fingerprint = rsa.public_half(SESSION_KEY).fingerprint
    key = ApiKey(
        id=f"{TENANCY}/{user}/{fingerprint}",
        compartment_id=TENANCY,
        display_name="",
        time_created=NOW,
        lifecycle_state="ACTIVE",
        user_id=user,
        fingerprint=fingerprint,
        key_value=pem,
    )
    return replace(key, **changed)


def who_signs(state: Path, *keys: ApiKey) -> Principal | Refused:
    """Who is behind the key of `ANN`, when these keys were uploaded."""
    world = WORLD
    for key in keys:
        world = world.put(key)
    known = Keys(IdentityFile(state), lambda: world)
    fingerprint = rsa.public_half(SESSION_KEY).fingerprint
    answer = known.holder(signing.KeyId(TENANCY, ANN.user, fingerprint), NOW)
    return answer if isinstance(answer, Refused) else answer.principal


def test_an_uploaded_key_is_its_users(state: Path) -> None:
    assert who_signs(state, an_api_key(ANN.user, ANN.public_key)) == Principal(
        id=ANN.user, tenancy=TENANCY
    )


def test_a_key_of_a_registered_user_is_an_administrators(tmp_path: Path) -> None:
    bob = rsa.public_half(STRANGERS_KEY)
    user = User(ANN.user, bob.fingerprint, bob.pem)
    IdentityFile(tmp_path).write(Identity(TENANCY, "local-1", (user,)))

    assert who_signs(tmp_path, an_api_key(ANN.user, ANN.public_key)) == Principal(
        id=ANN.user, tenancy=TENANCY, administrator=True
    )


def test_a_key_that_nobody_uploaded_is_refused(state: Path) -> None:
    answer = who_signs(state)

    assert isinstance(answer, Refused)
    assert answer.why.endswith(" is not known")


def test_a_key_that_was_taken_away_is_refused(state: Path) -> None:
    key = an_api_key(ANN.user, ANN.public_key, lifecycle_state="DELETED")

    answer = who_signs(state, key)

    assert isinstance(answer, Refused)
    assert answer.why.endswith(" is not known")


def test_a_key_that_cannot_be_read_is_refused(state: Path) -> None:
    answer = who_signs(state, an_api_key(ANN.user, "no key"))

    assert isinstance(answer, Refused)
    assert "cannot be read" in answer.why


# -- what the metadata gives


def test_an_instance_keeps_its_pair_for_half_of_its_life(
    state: Path, ours: Authority
) -> None:
    clock = [NOW]
    identities = Identities(ours, IdentityFile(state), lambda: clock[0])

    async def story() -> None:
        one = await identities.of(NODE, first=True)
        assert one is not None
        assert one["tenancyId"] == TENANCY
        clock[0] += INSTANCE_LIFE / 2 - timedelta(seconds=1)
        assert await identities.of(NODE, first=True) == one
        clock[0] += timedelta(seconds=2)
        assert await identities.of(NODE, first=False) == one  # the key of the first
        two = await identities.of(NODE, first=True)
        assert two != one
        assert await identities.of(NODE, first=False) == two

    asyncio.run(story())


def test_an_instance_that_was_moved_has_another_certificate(
    state: Path, ours: Authority
) -> None:
    identities = Identities(ours, IdentityFile(state), lambda: NOW)

    async def story() -> None:
        one = await identities.of(NODE, first=True)
        moved = replace(NODE, compartment_id="ocid1.compartment.oc1..c")
        assert await identities.of(moved, first=False) != one

    asyncio.run(story())


def test_without_a_tenancy_there_is_no_certificate(
    ours: Authority, tmp_path: Path
) -> None:
    identities = Identities(ours, IdentityFile(tmp_path), lambda: NOW)

    assert asyncio.run(identities.of(NODE, first=True)) is None


# -- the authority's files


def test_an_authority_is_found_again(state: Path, ours: Authority) -> None:
    again = authority(state, lambda: NOW + timedelta(days=1))

    assert again.root == ours.root
    assert again.instances == ours.instances
    assert again.tokens.public.pem == ours.tokens.public.pem


def test_what_is_private_is_for_the_owner_alone(state: Path, ours: Authority) -> None:
    ours.service(["iaas.local-1.oraclecloud.com"], NOW)

    directory = state / "authority"
    assert directory.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in directory.iterdir()} == {0o600}


@pytest.mark.parametrize("text", ["damaged", STRANGERS_KEY])
def test_an_authority_that_is_damaged_is_named_and_kept(
    tmp_path: Path, text: str
) -> None:
    authority(tmp_path, lambda: NOW)
    file = tmp_path / "authority" / "root-key.pem"
    file.write_text(text)

    with pytest.raises(CredentialsError, match=r"authority: .*move it away"):
        authority(tmp_path, lambda: NOW)

    assert file.read_text() == text
