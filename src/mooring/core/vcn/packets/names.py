"""What the fabric's things are called in the kernel: namespaces, links.

Everything that a fabric makes carries the fabric's name, so that two of them live side by side and
one can be removed without a record of it. The names are functions of OCIDs, not of memory.
"""

import hashlib
import re

FABRIC = re.compile(r"[a-z0-9-]{1,12}")
UPLINK = "uplink"


def fabric_fault(name: str) -> str | None:
    """Say what is wrong with a fabric's name; None when nothing is.

    A name that ends in `-vcn` is refused: the nodes of fabric `a-vcn` would be called like the
    routers of fabric `a`.
    """
    if not FABRIC.fullmatch(name):
        return f"fabric name {name!r}: 1 to 12 of a-z, 0-9 and -"
    if name.endswith("-vcn"):
        return f"fabric name {name!r}: must not end in -vcn"
    return None


def vcn_space(fabric: str, vcn_id: str) -> str:
    """Name the namespace of a VCN's router."""
    return f"moor-{fabric}-vcn-{vcn_id[-8:]}"


def node_space(fabric: str, instance_id: str) -> str:
    """Name the namespace of an instance."""
    return f"moor-{fabric}-{instance_id[-8:]}"


def internet_space(fabric: str) -> str:
    """Name the namespace that plays everything outside the cloud."""
    return f"moor-{fabric}-internet"


def is_space_of(fabric: str, name: str) -> bool:
    """Tell whether a namespace of this name was made by this fabric."""
    own = rf"moor-{re.escape(fabric)}-(internet|(vcn-)?[a-z0-9]{{8}})"
    return re.fullmatch(own, name) is not None


def nic_name(slot: int) -> str:
    """Name a VNIC's interface inside its instance: ens3, then ens5, ens6 and so on.

    Instances of the cloud see the same: their fourth slot belongs to another device.
    """
    return "ens3" if slot == 0 else f"ens{slot + 4}"


def port_name(vnic_id: str) -> str:
    """Name the router's end of a VNIC's veth."""
    return "v" + hashlib.sha256(vnic_id.encode()).hexdigest()[:10]


def outside_name(vcn_id: str) -> str:
    """Name the internet's end of the link to a VCN's router (the router's end is `UPLINK`)."""
    return "r" + hashlib.sha256(vcn_id.encode()).hexdigest()[:10]


def is_made_here(link: str) -> bool:
    """Tell whether a link in a router's or the internet's namespace can be a fabric's."""
    return link == UPLINK or re.fullmatch(r"[vr][0-9a-f]{10}", link) is not None
