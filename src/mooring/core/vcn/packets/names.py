"""What the fabric's things are called in the kernel: namespaces, links.

Everything that a fabric makes carries the fabric's name, so that two of them live side by side and
one can be removed without a record of it. The names are functions of OCIDs, not of memory.
"""

import hashlib
import re

FABRIC = re.compile(r"[a-z0-9-]{1,12}")
UPLINK = "uplink"
# Below are the kernel's own tables, above no mark is a public address.
LOWEST_TABLE, HIGHEST_TABLE = 1 << 16, (1 << 31) - 1
KINDS = ("vcn", "drg", "site", "osn")


def fabric_fault(name: str) -> str | None:
    """Say what is wrong with a fabric's name; None when nothing is.

    A name that ends in `-vcn` is refused: the nodes of fabric `a-vcn` would be called like the
    routers of fabric `a`; so are the words of other namespaces.
    """
    if not FABRIC.fullmatch(name):
        return f"fabric name {name!r}: 1 to 12 of a-z, 0-9 and -"
    for kind in KINDS:
        if name.endswith(f"-{kind}"):
            return f"fabric name {name!r}: must not end in -{kind}"
    return None


def vcn_space(fabric: str, vcn_id: str) -> str:
    """Name the namespace of a VCN's router."""
    return f"moor-{fabric}-vcn-{vcn_id[-8:]}"


def node_space(fabric: str, instance_id: str) -> str:
    """Name the namespace of an instance."""
    return f"moor-{fabric}-{instance_id[-8:]}"


def drg_space(fabric: str, drg_id: str) -> str:
    """Name the namespace of a dynamic routing gateway."""
    return f"moor-{fabric}-drg-{drg_id[-8:]}"


def site_space(fabric: str, attachment_id: str) -> str:
    """Name the namespace that plays the premises behind a DRG's attachment."""
    return f"moor-{fabric}-site-{attachment_id[-8:]}"


def services_space(fabric: str, gateway_id: str) -> str:
    """Name the namespace that plays Oracle's services network behind a service gateway."""
    return f"moor-{fabric}-osn-{gateway_id[-8:]}"


def internet_space(fabric: str) -> str:
    """Name the namespace that plays everything outside the cloud."""
    return f"moor-{fabric}-internet"


def is_space_of(fabric: str, name: str) -> bool:
    """Tell whether a namespace of this name was made by this fabric."""
    kinds = "|".join(KINDS)
    own = rf"moor-{re.escape(fabric)}-(internet|(({kinds})-)?[a-z0-9]{{8}})"
    return re.fullmatch(own, name) is not None


def nic_name(slot: int) -> str:
    """Name a VNIC's interface inside its instance: ens3, then ens5, ens6 and so on.

    Instances of the cloud see the same: their fourth slot belongs to another device.
    """
    return "ens3" if slot == 0 else f"ens{slot + 4}"


def port_name(vnic_id: str) -> str:
    """Name the router's end of a VNIC's veth."""
    return "v" + _short(vnic_id)


def outside_name(vcn_id: str) -> str:
    """Name the internet's end of the link to a VCN's router (the router's end is `UPLINK`)."""
    return "r" + _short(vcn_id)


def gate_name(gateway_id: str) -> str:
    """Name a router's end of the link that leads through a gateway."""
    return "g" + _short(gateway_id)


def branch_name(attachment_id: str) -> str:
    """Name a DRG's end of the link to what is attached."""
    return "b" + _short(attachment_id)


def table_number(id: str) -> int:
    """Give the number of the routing table, and the mark, that lead to what has this OCID."""
    raw = int.from_bytes(hashlib.sha256(id.encode()).digest()[:8])
    return LOWEST_TABLE + raw % (HIGHEST_TABLE - LOWEST_TABLE + 1)


def is_made_here(link: str) -> bool:
    """Tell whether a link in a namespace of the fabric's own, not a guest's, can be a fabric's."""
    return link == UPLINK or re.fullmatch(r"[vrgb][0-9a-f]{10}", link) is not None


def _short(id: str) -> str:
    return hashlib.sha256(id.encode()).hexdigest()[:10]
