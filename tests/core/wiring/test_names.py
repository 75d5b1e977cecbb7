"""Names on the node: functions of the attachment, told apart, read back."""

import re
from dataclasses import replace
from hashlib import sha256
from ipaddress import IPv4Address, IPv6Address

import pytest
from core.wiring.cables import V4, V6, a_lease, a_pod
from hypothesis import given
from hypothesis import strategies as st

from mooring.core.cni.request import AttachmentId
from mooring.core.ipam.ledger import Lease, Netns
from mooring.core.npn.record import Pair
from mooring.core.wiring.names import (
    ALIAS_BYTES,
    Alias,
    alias,
    host_link,
    macs,
    read_alias,
)

WORDS = st.from_regex(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,40}", fullmatch=True)
LEASES = st.builds(
    a_lease,
    st.builds(AttachmentId, WORDS, WORDS, WORDS.map(lambda w: w[:15])),
    st.sampled_from([Pair(V4), Pair(None, V6), Pair(V4, V6)]),
    st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=80).map(
        lambda text: f"/{text}"
    ),
)


def test_a_host_end_is_named_after_its_attachment() -> None:
    digest = sha256(b"mooring/c1/eth0").hexdigest()

    assert host_link(a_pod()) == f"moor{digest[:11]}"
    assert len(host_link(a_pod())) == 15


def test_both_ends_have_macs_of_their_own() -> None:
    near, far = macs(a_pod())

    assert near != far
    for mac in (near, far):
        assert re.fullmatch(r"0[26]:6d(:[0-9a-f]{2}){4}", mac)
    assert macs(a_pod("c2")) != macs(a_pod())


@given(LEASES)
def test_an_alias_says_the_lease(lease: Lease) -> None:
    text = alias(lease)

    assert len(text.encode()) <= ALIAS_BYTES
    assert read_alias(text) == Alias(
        attachment=lease.attachment,
        addresses=lease.addresses,
        families=tuple(a.version for a in lease.ordered),
        slot=lease.slot,
        inode=lease.netns.inode,
        netns=lease.netns.path,
    )


def test_an_alias_names_the_preferred_familys_address_first() -> None:
    lease = replace(a_lease(addresses=Pair(V4, V6)), families=(6, 4))
    read = read_alias(alias(lease))

    assert f" {V6},{V4} " in alias(lease)
    assert read is not None
    assert (read.addresses, read.families) == (lease.addresses, (6, 4))


def test_a_path_that_does_not_fit_is_left_out() -> None:
    read = read_alias(alias(a_lease(netns="/" + "n" * 250)))

    assert read is not None
    assert read.attachment == a_pod()
    assert read.netns == ""


@pytest.mark.parametrize("path", ["", "/run/a b"])
def test_a_path_that_cannot_be_said_is_left_out(path: str) -> None:
    read = read_alias(alias(a_lease(netns=path)))

    assert read is not None
    assert read.netns == ""


def test_an_attachment_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="too long for a link's alias"):
        alias(a_lease(a_pod("c" * 230)))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "somebody else's",
        "mooring:",
        "mooring:a/b 10.0.0.1 1 2",
        "mooring:a/b/c 10.0.0.1 1",
        "mooring:a/b/c 10.0.0.1 one 2",
        "mooring:a/b/c 10.0.0.999 1 2",
        "mooring:a/b/c 10.0.0.1,10.0.0.2 1 2",
        "mooring:a/b/c fd00::1,fd00::2 1 2",
    ],
)
def test_what_is_no_alias_of_ours_is_none(text: str) -> None:
    assert read_alias(text) is None


@given(st.text(max_size=100))
def test_no_alias_makes_it_fall(text: str) -> None:
    read_alias("mooring:" + text)


def test_families_are_told_apart() -> None:
    lease = replace(
        a_lease(addresses=Pair(IPv4Address("10.0.8.5"), IPv6Address("fd00::5"))),
        netns=Netns("/n", 1),
    )

    assert alias(lease) == "mooring:mooring/c1/eth0 10.0.8.5,fd00::5 1 1 /n"
