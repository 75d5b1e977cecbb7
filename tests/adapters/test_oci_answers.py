"""Answers of the SDK, read alone: what no cloud in a test shows of itself."""

from ipaddress import IPv4Address, IPv6Address

import pytest
from oci.core.models import Vnic

from mooring.adapters.oci import answers

SIX = IPv6Address("fd00:9::7")


@pytest.mark.parametrize(
    ("told", "primary", "read"),
    [
        ([str(SIX)], True, (SIX,)),
        ([str(SIX)], False, ()),
        ([], True, ()),
        (None, True, ()),
    ],
)
def test_a_primary_vnic_tells_its_ipv6_addresses(
    told: list[str] | None, primary: bool, read: tuple[IPv6Address, ...]
) -> None:
    seen = answers.vnic(
        Vnic(id="v", is_primary=primary, private_ip="10.9.0.7", ipv6_addresses=told)
    )

    assert seen.ipv6_addresses == read
    assert seen.private_ip == IPv4Address("10.9.0.7")
