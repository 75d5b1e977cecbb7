"""Builders of what wiring is made of."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from mooring.core.cni.request import AttachmentId
from mooring.core.ipam.ledger import Lease, Netns, Phase
from mooring.core.npn.record import Pair, VnicStatus
from mooring.core.wiring.vnic import Uplink

V4 = IPv4Address("10.0.8.5")
V6 = IPv6Address("fd00:8::5")


def a_pod(container: str = "c1") -> AttachmentId:
    return AttachmentId("mooring", container, "eth0")


def a_lease(
    attachment: AttachmentId | None = None,
    addresses: Pair | None = None,
    netns: str = "/run/netns/cni-1",
) -> Lease:
    return Lease(
        attachment=attachment or a_pod(),
        addresses=addresses or Pair(V4),
        vnic_id="ocid1.vnic.oc1..a",
        slot=1,
        netns=Netns(netns, 4026532001),
        since=1.5,
        phase=Phase.WIRED,
    )


def an_uplink(slot: int = 1, link: str = "ens5", *, v6: bool = False) -> Uplink:
    status = VnicStatus(
        vnic_id=f"ocid1.vnic.oc1..{slot}",
        mac_address=f"02:00:17:00:00:{slot:02x}",
        subnet_id="ocid1.subnet.oc1..pods",
        subnet_v4=IPv4Network("10.0.8.0/22"),
        subnet_v6=IPv6Network("fd00:8::/64") if v6 else None,
        router=Pair(
            IPv4Address("10.0.8.1"),
            IPv6Address("fe80::200:17ff:fe00:1") if v6 else None,
        ),
        host=Pair(
            IPv4Address(f"10.0.8.{slot + 1}"), IPv6Address("fd00:8::2") if v6 else None
        ),
    )
    return Uplink(status, slot, link, 9000)
