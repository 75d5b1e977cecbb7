"""Bulk actions on private IPs and IPv6 objects."""

from mooring.core.vcn.acts import bulk
from mooring.core.vcn.acts.bulk import Bulk
from mooring.core.vcn.api.fields import need
from mooring.core.vcn.api.operation import Operation, Route
from mooring.core.vcn.api.schema import Field, Fields, group, ocid, unbuilt
from mooring.core.vcn.api.schema import listing as list_of
from mooring.core.vcn.calls import addresses
from mooring.core.vcn.limits import BULK_ITEMS
from mooring.core.vcn.model import Ipv6, PrivateIp

PRIVATE_IP_ID: Fields = {"privateIpId": need(ocid)}
IPV6_ID: Fields = {"ipv6Id": need(ocid)}

_VNIC: Fields = {"vnicId": Field(ocid)}
_HOME: Fields = {**_VNIC, "subnetId": Field(ocid)}
_VLAN: Fields = {"vlanId": Field(unbuilt)}


def _item(fields: Fields, more: Fields | None = None) -> Fields:
    """Give the fields of an item: those of the single call, but not where all items are."""
    found = {n: f for n, f in fields.items() if n not in {*_HOME, *_VLAN}}
    return {**found, **(more or {})}


CREATE_PRIVATE_IP_ITEM = _item(addresses.CREATE_PRIVATE_IP)
UPDATE_PRIVATE_IP_ITEM = _item(addresses.UPDATE_PRIVATE_IP, PRIVATE_IP_ID)
CREATE_IPV6_ITEM = _item(addresses.CREATE_IPV6)
UPDATE_IPV6_ITEM = _item(addresses.UPDATE_IPV6, IPV6_ID)

# The action, the single call that each item stands for, the fields beside the items, an item's.
_PRIVATE_IPS: tuple[tuple[str, str, Fields, Fields], ...] = (
    ("Create", "CreatePrivateIp", {**_HOME, **_VLAN}, CREATE_PRIVATE_IP_ITEM),
    ("Update", "UpdatePrivateIp", _VNIC, UPDATE_PRIVATE_IP_ITEM),
    ("Detach", "PrivateIpVnicDetach", _VNIC, PRIVATE_IP_ID),
    ("Delete", "DeletePrivateIp", {**_HOME, **_VLAN}, PRIVATE_IP_ID),
)
_IPV6S: tuple[tuple[str, str, Fields, Fields], ...] = (
    ("Create", "CreateIpv6", _HOME, CREATE_IPV6_ITEM),
    ("Update", "UpdateIpv6", _VNIC, UPDATE_IPV6_ITEM),
    ("Detach", "Ipv6VnicDetach", _VNIC, IPV6_ID),
    ("Delete", "DeleteIpv6", _HOME, IPV6_ID),
)

_ACTS = {
    "Create": bulk.creates,
    "Update": bulk.moves,
    "Detach": bulk.takes,
    "Delete": bulk.takes,
}


def _operation(one: Bulk, verb: str, fields: Fields, item: Fields) -> Operation:
    items = need(list_of(group(item), 1, BULK_ITEMS))
    return Operation(
        name=one.name, body={**fields, one.items: items}, act=_ACTS[verb](one)
    )


ROUTES: dict[Route, Operation] = {
    ("POST", f"/privateIps/actions/bulk{verb}PrivateIps"): _operation(
        Bulk(
            name=f"Bulk{verb}PrivateIps",
            single=single,
            items=f"bulk{verb}PrivateIpItem",
            kind=PrivateIp,
            id="" if verb == "Create" else "privateIpId",
        ),
        verb,
        fields,
        item,
    )
    for verb, single, fields, item in _PRIVATE_IPS
} | {
    ("POST", f"/ipv6/actions/bulk{verb}Ipv6s"): _operation(
        Bulk(
            name=f"Bulk{verb}Ipv6s",
            single=single,
            items=f"bulk{verb}Ipv6sItem",
            kind=Ipv6,
            id="" if verb == "Create" else "ipv6Id",
        ),
        verb,
        fields,
        item,
    )
    for verb, single, fields, item in _IPV6S
}
