"""Public IPs."""

from mooring.core.vcn.acts import publicips
from mooring.core.vcn.api.fields import CREATE, IN_COMPARTMENT, RENAME, need
from mooring.core.vcn.api.operation import Crud, Operation, routes
from mooring.core.vcn.api.schema import (
    Field,
    Fields,
    address,
    ocid,
    one_of,
    text,
    unbuilt,
)
from mooring.core.vcn.model import PublicIp

_LIFETIME = one_of("EPHEMERAL", "RESERVED")

CREATE_PUBLIC_IP: Fields = {
    **CREATE,
    "lifetime": need(_LIFETIME),
    "privateIpId": Field(ocid),
    "publicIpPoolId": Field(unbuilt),
}

UPDATE_PUBLIC_IP: Fields = {**RENAME, "privateIpId": Field(text(least=0))}

LIST_PUBLIC_IPS: Fields = {
    **IN_COMPARTMENT,
    "scope": need(one_of("REGION", "AVAILABILITY_DOMAIN")),
    "availabilityDomain": Field(text()),
    "lifetime": Field(_LIFETIME),
    "publicIpPoolId": Field(unbuilt),
}

BY_ADDRESS: Fields = {"ipAddress": need(address)}

BY_PRIVATE_IP: Fields = {"privateIpId": need(ocid)}

CHANGE_COMPARTMENT: Fields = {"compartmentId": need(ocid)}


ROUTES = routes(
    Crud(
        path="publicIps",
        name="PublicIp",
        kind=PublicIp,
        create=(CREATE_PUBLIC_IP, publicips.create),
        update=(UPDATE_PUBLIC_IP, publicips.update),
        delete=publicips.delete,
        list=(LIST_PUBLIC_IPS, publicips.list_all),
    ),
) | {
    ("POST", "/publicIps/actions/getByIpAddress"): Operation(
        name="GetPublicIpByIpAddress", body=BY_ADDRESS, act=publicips.by_address
    ),
    ("POST", "/publicIps/actions/getByPrivateIpId"): Operation(
        name="GetPublicIpByPrivateIpId",
        body=BY_PRIVATE_IP,
        act=publicips.by_private_ip,
    ),
    ("POST", "/publicIps/{id}/actions/changeCompartment"): Operation(
        name="ChangePublicIpCompartment",
        kind=PublicIp,
        body=CHANGE_COMPARTMENT,
        act=publicips.change_compartment,
    ),
}
