"""Where an address object lives: what private IPs and IPv6 objects have in common.

It is on a VNIC or, when it is reserved or detached, on none; it moves inside its subnet only. A
VNIC has one object of each kind that counts as its own, and so many secondary ones.
"""

from typing import Any

from mooring.core.vcn.acts.blocks import AVAILABLE, ready
from mooring.core.vcn.acts.gateways import table_choice
from mooring.core.vcn.api.errors import (
    conflict,
    incorrect_state,
    invalid,
    limit,
    missing,
)
from mooring.core.vcn.api.turns import Answer, Call, renamed
from mooring.core.vcn.indexes import hostname, listed
from mooring.core.vcn.limits import SECONDARY_IPS_PER_VNIC, SECONDARY_IPV6S_PER_VNIC
from mooring.core.vcn.model import Ipv6, PrivateIp, Subnet, Vnic
from mooring.core.vcn.model.kinds import KINDS
from mooring.core.vcn.world import World

Address = PrivateIp | Ipv6

EPHEMERAL, RESERVED = "EPHEMERAL", "RESERVED"
SECONDARY: dict[type[Address], int] = {
    PrivateIp: SECONDARY_IPS_PER_VNIC,
    Ipv6: SECONDARY_IPV6S_PER_VNIC,
}
HOST_FIELD: dict[type[Address], str] = {PrivateIp: "hostnameLabel", Ipv6: "hostname"}
FREE = "must be RESERVED without a vnicId."


def home(call: Call, kind: type[Address]) -> tuple[Vnic | None, Subnet]:
    """Give the VNIC and the subnet of a new address object."""
    vnic_id, subnet_id = call.body.get("vnicId", str), call.body.get("subnetId", str)
    if vnic_id is None:
        if subnet_id is None:
            vlan = ("vlanId",) if kind is PrivateIp else ()
            raise missing("subnetId", "vnicId", *vlan)
        return None, call.parent(Subnet, subnet_id)
    vnic = call.parent(Vnic, vnic_id)
    if subnet_id not in (None, vnic.subnet_id):
        raise invalid("subnetId", subnet_id, f"must be that of the VNIC {vnic.id}.")
    usable(call.world, vnic, kind)
    return vnic, call.parent(Subnet, vnic.subnet_id)


def usable(world: World, vnic: Vnic, kind: type[Address]) -> None:
    """Refuse a VNIC that cannot take one more object of a kind."""
    if vnic.lifecycle_state != AVAILABLE:
        raise incorrect_state("VNIC", vnic.id, vnic.lifecycle_state, AVAILABLE)
    most = SECONDARY[kind]
    if world.space(listed(kind, vnic.id)).count > most:
        raise limit(f"secondary {KINDS[kind].title}s on VNIC {vnic.id}", most)


def common(
    call: Call, kind: type[Address], vnic: Vnic | None, subnet: Subnet
) -> dict[str, Any]:
    """Give the fields that a new address object of either kind has."""
    return {
        **call.common(kind, call.body, (vnic or subnet).compartment_id),
        **table_choice(call, subnet.vcn_id),
        "subnet_id": subnet.id,
        "vcn_id": subnet.vcn_id,
        "cidr_prefix_length": call.body.get("cidrPrefixLength", int),
        "vnic_id": None if vnic is None else vnic.id,
        "lifetime": _lifetime(call, vnic),
    }


def _lifetime(call: Call, vnic: Vnic | None) -> str:
    lifetime = call.body.get("lifetime", str)
    if vnic is None and lifetime == EPHEMERAL:
        raise invalid("lifetime", lifetime, FREE)
    return lifetime or (RESERVED if vnic is None else EPHEMERAL)


def host(call: Call, kind: type[Address], subnet: Subnet) -> str | None:
    """Give the host name of a new address object; blocks have none."""
    where = HOST_FIELD[kind]
    label = call.body.get(where, str)
    if label is not None and "cidrPrefixLength" in call.body:
        raise invalid(where, label, "must not be given with cidrPrefixLength.")
    return named(call.world, subnet, label, kind)


def named(
    world: World, subnet: Subnet, label: str | None, kind: type[Address] = PrivateIp
) -> str | None:
    """Check a host name: the subnet must have a DNS label and no such name yet."""
    where = HOST_FIELD[kind]
    if label is None:
        return None
    if subnet.dns_label is None:
        rule = f"needs a dnsLabel, which subnet {subnet.id} has not."
        raise invalid(where, label, rule)
    if world.space(listed(kind, hostname(subnet.id, label))).count:
        raise conflict(f"{where} {label} is already in use in {subnet.id}.")
    return label


def changes(call: Call, ip: Address) -> dict[str, Any]:
    """Give the change of an address object that a body asks for."""
    body = call.body
    found = {
        **renamed(body),
        **table_choice(call, ip.vcn_id),
        **_move(call, ip),
        **_rename_host(call, ip),
    }
    if "lifetime" in body:
        found["lifetime"] = body.need("lifetime", str)
    vnic_id = found.get("vnic_id", ip.vnic_id)
    if found.get("lifetime") == EPHEMERAL and vnic_id is None:
        raise invalid("lifetime", EPHEMERAL, FREE)
    return found


def _move(call: Call, ip: Address) -> dict[str, Any]:
    vnic_id = call.body.get("vnicId", str)
    if vnic_id in (None, ip.vnic_id):
        return {}
    vnic = call.parent(Vnic, vnic_id)
    if vnic.subnet_id != ip.subnet_id:
        raise invalid("vnicId", vnic.id, f"must be in subnet {ip.subnet_id}.")
    settled(call, ip)
    usable(call.world, vnic, type(ip))
    return {"vnic_id": vnic.id}


def _rename_host(call: Call, ip: Address) -> dict[str, Any]:
    kind = type(ip)
    label = call.body.get(HOST_FIELD[kind], str)
    before = ip.hostname_label if isinstance(ip, PrivateIp) else ip.hostname
    if label in (None, before):
        return {}
    if ip.cidr_prefix_length is not None:
        rule = "must not be given to a block, with a cidrPrefixLength."
        raise invalid(HOST_FIELD[kind], label, rule)
    subnet = call.parent(Subnet, ip.subnet_id)
    field = "hostname_label" if isinstance(ip, PrivateIp) else "hostname"
    return {field: named(call.world, subnet, label, kind)}


def settled(call: Call, ip: Address) -> None:
    """Refuse for now what concerns an address whose subnet is UPDATING."""
    ready(call.parent(Subnet, ip.subnet_id))


def unassigned(call: Call, ip: Address) -> Answer:
    """Take an address object off its VNIC; its addresses stay taken."""
    if ip.vnic_id is None:
        title = KINDS[type(ip)].title
        raise conflict(f"The {title} {ip.id} is not assigned to a VNIC.")
    settled(call, ip)
    return Answer(draft=call.draft.change(ip, vnic_id=None), subject=ip)
