"""How long a network's name may be: an attachment has to fit into its link's alias."""

from ipaddress import IPv4Address, IPv6Address

from mooring.core.cni.conf import NAME_LONGEST, fault_of_length
from mooring.core.cni.request import AttachmentId
from mooring.core.ipam.ledger import SLOTS, Lease, Netns
from mooring.core.npn.record import Pair
from mooring.core.wiring.names import ALIAS_BYTES, alias

CONTAINER = "f" * 64
IFNAME = "ä" * 7 + "x"  # fifteen bytes: no interface's name has more


def longest(name: str) -> Lease:
    """The attachment of that network which takes most room in an alias."""
    return Lease(
        attachment=AttachmentId(name, CONTAINER, IFNAME),
        addresses=Pair(
            IPv4Address("255.255.255.255"),
            IPv6Address("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ),
        vnic_id="",
        slot=max(SLOTS),
        netns=Netns("", 2**32 - 1),
        since=0.0,
        families=(4, 6),
    )


def test_what_may_be_a_networks_name_leaves_room_for_a_usual_container() -> None:
    name = "n" * NAME_LONGEST

    assert fault_of_length(name) == ""
    assert len(alias(longest(name)).encode()) <= ALIAS_BYTES
    assert fault_of_length(name + "n") == "must have 80 characters at most, has 81"
