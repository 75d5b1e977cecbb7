"""Objects and looks for the tests of this room."""

from collections.abc import Sequence
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

from mooring.core.npn.record import Npn, NpnSpec, NpnStatus, SecondaryVnic
from mooring.core.npn.seen import (
    AddressSeen,
    AttachmentSeen,
    InstanceSeen,
    Sighting,
    SubnetSeen,
    VnicSeen,
)

INSTANCE = "ocid1.instance.oc1.test.abc"
SUBNET = SubnetSeen(
    id="pods",
    state="AVAILABLE",
    v4=(IPv4Network("10.0.10.0/24"),),
    router_v4=IPv4Address("10.0.10.1"),
)
DUAL = replace(
    SUBNET,
    v6=(IPv6Network("fd00:10::/64"),),
    router_v6=IPv6Address("fe80::200:17ff:fe00:1"),
)
BOTH = ("IPv4", "IPv6")


def an_npn(pods: int = 31, *, status: NpnStatus | None = None, **spec: object) -> Npn:
    """A classic object."""
    fields = {"id": INSTANCE, "pod_subnet_ids": ("pods",), "max_pod_count": pods} | spec
    return Npn(
        name="abc",
        spec=NpnSpec(**fields),
        status=status or NpnStatus(),
    )


def a_profiled_npn(*counts: int) -> Npn:
    """An object with a profile per count, named p0, p1, …"""
    profiles = tuple(
        SecondaryVnic(display_name=f"p{i}", subnet_id="pods", ip_count=count)
        for i, count in enumerate(counts)
    )
    return an_npn(sum(counts), secondary_vnics=profiles, pod_subnet_ids=())


def a_dual_profile(count: int, **spec: object) -> Npn:
    """An object with one profile that asks for IPv6 too."""
    profile = SecondaryVnic(
        display_name="p0", subnet_id="pods", ip_count=count, assign_ipv6_ip=True
    )
    fields = {"secondary_vnics": (profile,), "pod_subnet_ids": ()} | spec
    return an_npn(count, **fields)


def an_instance(state: str = "RUNNING", most: int | None = 24) -> InstanceSeen:
    return InstanceSeen(
        id=INSTANCE, compartment_id="compartment", state=state, most_vnics=most
    )


def a_nic(
    key: str | None, state: str = "ATTACHED", **fields: object
) -> tuple[AttachmentSeen, VnicSeen]:
    """A VNIC with its attachment; `key` None makes a foreign one."""
    name = f"vnic-{key}" if key is not None else "vnic-foreign"
    vnic = VnicSeen(
        id=name,
        state="AVAILABLE",
        mac_address=f"02:00:17:00:00:{sum(name.encode()) % 256:02x}",
        subnet_id="pods",
        is_primary=False,
        display_name=f"mooring-abc-{key}",
        skip_source_dest_check=True,
        tags={} if key is None else {"mooring-npn": "abc", "mooring-slot": key},
    )
    attachment = AttachmentSeen(id=f"attachment-{key}", state=state, vnic_id=name)
    return attachment, replace(vnic, **fields)


PRIMARY = (
    AttachmentSeen(id="attachment-primary", state="ATTACHED", vnic_id="vnic-primary"),
    VnicSeen(
        id="vnic-primary",
        state="AVAILABLE",
        mac_address="02:00:17:00:00:01",
        subnet_id="workers",
        is_primary=True,
    ),
)


def addresses(vnic: str, *blocks: str, primary: str = "") -> tuple[AddressSeen, ...]:
    """Private-IP and IPv6 objects of a VNIC."""
    found = [
        AddressSeen(id=f"ip-{block}", vnic_id=vnic, block=ip_network(block))
        for block in blocks
    ]
    if primary:
        found.insert(
            0,
            AddressSeen(
                id="ip-primary",
                vnic_id=vnic,
                block=IPv4Network(primary),
                is_primary=True,
            ),
        )
    return tuple(found)


def a_look(
    nics: Sequence[tuple[AttachmentSeen, VnicSeen]] = (),
    *held: tuple[AddressSeen, ...],
    instance: InstanceSeen | None = None,
    subnet: SubnetSeen = SUBNET,
) -> Sighting:
    """A look that shows the primary VNIC and these."""
    return Sighting(
        instance=instance or an_instance(),
        attachments=tuple(a for a, _ in (PRIMARY, *nics)),
        vnics={v.id: v for _, v in (PRIMARY, *nics)},
        addresses={a[0].vnic_id: a for a in held if a},
        subnets={subnet.id: subnet},
    )
