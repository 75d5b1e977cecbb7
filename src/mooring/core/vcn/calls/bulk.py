"""Bulk actions on private IPs."""

from mooring.core.vcn.acts import bulk
from mooring.core.vcn.acts.bulk import Bulk
from mooring.core.vcn.api.fields import need
from mooring.core.vcn.api.operation import Act, Operation, Route
from mooring.core.vcn.api.schema import Field, Fields, Rule, group, ocid, unbuilt
from mooring.core.vcn.api.schema import listing as list_of
from mooring.core.vcn.calls.addresses import CREATE_PRIVATE_IP, UPDATE_PRIVATE_IP
from mooring.core.vcn.limits import BULK_ITEMS
from mooring.core.vcn.model import PrivateIp

_PARENTS: Fields = {"vnicId": Field(ocid), "subnetId": Field(ocid)}


def _without(fields: Fields, *names: str) -> Fields:
    """Give the fields of a call that an item of its bulk action has."""
    return {name: field for name, field in fields.items() if name not in names}


def _many(fields: Fields) -> Field:
    rule: Rule = list_of(group(fields), 1, BULK_ITEMS)
    return need(rule)


ID: Fields = {"privateIpId": need(ocid)}

CREATE_ITEM: Fields = _without(CREATE_PRIVATE_IP, "vnicId", "subnetId", "vlanId")

UPDATE_ITEM: Fields = {**_without(UPDATE_PRIVATE_IP, "vnicId"), **ID}

CREATE_PRIVATE_IPS: Fields = {
    **_PARENTS,
    "vlanId": Field(unbuilt),
    "bulkCreatePrivateIpItem": _many(CREATE_ITEM),
}

UPDATE_PRIVATE_IPS: Fields = {
    "vnicId": Field(ocid),
    "bulkUpdatePrivateIpItem": _many(UPDATE_ITEM),
}

DETACH_PRIVATE_IPS: Fields = {
    "vnicId": Field(ocid),
    "bulkDetachPrivateIpItem": _many(ID),
}

DELETE_PRIVATE_IPS: Fields = {
    **_PARENTS,
    "vlanId": Field(unbuilt),
    "bulkDeletePrivateIpItem": _many(ID),
}

_PRIVATE_IPS: tuple[tuple[Bulk, Fields, Act], ...] = tuple(
    (one, body, make(one))
    for verb, single, body, make in (
        ("Create", "CreatePrivateIp", CREATE_PRIVATE_IPS, bulk.creates),
        ("Update", "UpdatePrivateIp", UPDATE_PRIVATE_IPS, bulk.moves),
        ("Detach", "PrivateIpVnicDetach", DETACH_PRIVATE_IPS, bulk.takes),
        ("Delete", "DeletePrivateIp", DELETE_PRIVATE_IPS, bulk.takes),
    )
    for one in (
        Bulk(
            name=f"Bulk{verb}PrivateIps",
            single=single,
            items=f"bulk{verb}PrivateIpItem",
            kind=PrivateIp,
            id="" if verb == "Create" else "privateIpId",
        ),
    )
)


def _path(name: str) -> str:
    """Give the last part of an action's path: its name, a small letter first."""
    return name[0].lower() + name[1:]


ROUTES: dict[Route, Operation] = {
    ("POST", f"/privateIps/actions/{_path(one.name)}"): Operation(
        name=one.name, body=body, act=act
    )
    for one, body, act in _PRIVATE_IPS
}
