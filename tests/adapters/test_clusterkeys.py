"""Certificates of a cluster: who is in them, who believes them, when they no longer do."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from mooring.adapters import clusterkeys
from mooring.adapters.clusterkeys import Pair
from mooring.core.linux.kubeconfig import Identity

NOW = datetime(2026, 11, 21, tzinfo=UTC)
KUBELET = Identity(name="kubelet", user="system:node:n", group="system:nodes")
SERVER = Identity(
    name="server", user="api", hosts=("api.example", "10.0.0.3", "fd00::3")
)


@pytest.fixture(scope="module")
def authority() -> Pair:
    return clusterkeys.authority("lab", NOW)


def test_a_client_is_its_user_in_its_group(authority: Pair) -> None:
    pair = clusterkeys.give(authority, KUBELET, NOW)

    subject = x509.load_pem_x509_certificate(pair.certificate.encode()).subject
    (user,) = subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    (group,) = subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    assert (user.value, group.value) == ("system:node:n", "system:nodes")


def test_a_tls_library_takes_the_pair_and_the_authority(
    authority: Pair, tmp_path: Path
) -> None:
    pair = clusterkeys.give(authority, SERVER, NOW)
    (tmp_path / "crt").write_text(pair.certificate)
    (tmp_path / "key").write_text(pair.key)
    context = ssl.create_default_context(cadata=authority.certificate)

    context.load_cert_chain(tmp_path / "crt", tmp_path / "key")

    assert len(context.get_ca_certs()) == 1


@pytest.mark.parametrize("identity", [KUBELET, SERVER])
def test_what_was_given_fits(authority: Pair, identity: Identity) -> None:
    pair = clusterkeys.give(authority, identity, NOW)

    assert clusterkeys.fits(pair, authority, identity, NOW)


def test_what_is_of_another_does_not_fit(authority: Pair) -> None:
    pair = clusterkeys.give(authority, SERVER, NOW)
    other = clusterkeys.authority("lab", NOW)
    late = NOW + clusterkeys.YEARS - timedelta(days=1)
    moved = Identity(name="server", user="api", hosts=("10.0.0.4",))

    assert not clusterkeys.fits(pair, other, SERVER, NOW)
    assert not clusterkeys.fits(pair, authority, SERVER, late)
    assert not clusterkeys.fits(pair, authority, moved, NOW)
    assert not clusterkeys.fits(pair, authority, KUBELET, NOW)


def test_two_halves_of_different_pairs_do_not_fit(authority: Pair) -> None:
    one = clusterkeys.give(authority, SERVER, NOW)
    two = clusterkeys.give(authority, SERVER, NOW)

    mixed = Pair(one.certificate, two.key)
    assert not clusterkeys.fits(mixed, authority, SERVER, NOW)


@pytest.mark.parametrize("broken", ["", "no PEM", "-----BEGIN CERTIFICATE-----\n"])
def test_what_is_no_certificate_does_not_fit(authority: Pair, broken: str) -> None:
    pair = clusterkeys.give(authority, SERVER, NOW)

    assert not clusterkeys.fits(Pair(broken, pair.key), authority, SERVER, NOW)
    assert not clusterkeys.fits(Pair(pair.certificate, broken), authority, SERVER, NOW)
