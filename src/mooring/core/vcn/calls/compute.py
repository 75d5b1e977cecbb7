"""Instances, VNIC attachments, VNICs, shapes."""

from mooring.core.vcn.acts import instances, listing, vnics
from mooring.core.vcn.api.fields import (
    CREATE,
    DISPLAY_NAME,
    HOSTNAME,
    IN_COMPARTMENT,
    NSG_IDS,
    RENAME,
    ROUTE_TABLE_OR_NONE,
    SORTED,
    YES_OR_NO,
    need,
)
from mooring.core.vcn.api.operation import Crud, Operation, routes
from mooring.core.vcn.api.schema import (
    Field,
    Fields,
    address,
    address6,
    flag,
    group,
    mapping,
    network,
    network6,
    ocid,
    one_of,
    plain,
    text,
    unbuilt,
    whole,
)
from mooring.core.vcn.api.schema import listing as list_of
from mooring.core.vcn.calls import launch
from mooring.core.vcn.limits import IPV6_SUBNET, METADATA, PREFIXES_PER_SUBNET
from mooring.core.vcn.model import Instance, Vnic, VnicAttachment

_VNIC: Fields = {
    **RENAME,
    "hostnameLabel": Field(HOSTNAME),
    "nsgIds": NSG_IDS,
    "skipSourceDestCheck": Field(flag),
    "securityAttributes": Field(unbuilt),
}

IPV6_PAIR: Fields = {
    "ipv6Id": Field(ocid),
    "ipv6Address": Field(address6),
    "ipv6SubnetCidr": Field(network6(IPV6_SUBNET, IPV6_SUBNET)),
}

CREATE_VNIC: Fields = {
    **_VNIC,
    "subnetId": Field(ocid),
    "privateIp": Field(address),
    "subnetCidr": Field(network()),
    "assignPublicIp": Field(flag),
    "assignIpv6Ip": Field(flag),
    "ipv6AddressIpv6SubnetCidrPairDetails": Field(
        list_of(group(IPV6_PAIR), 0, PREFIXES_PER_SUBNET)
    ),
    "assignPrivateDnsRecord": Field(flag),
    "privateIpId": Field(ocid),
    "vlanId": Field(unbuilt),
}

UPDATE_VNIC: Fields = {**_VNIC, "routeTableId": Field(ROUTE_TABLE_OR_NONE)}

ATTACH_VNIC: Fields = {
    "createVnicDetails": need(group(CREATE_VNIC)),
    "instanceId": need(ocid),
    "displayName": DISPLAY_NAME,
    "nicIndex": Field(whole(0, 1)),
}

_METADATA: Fields = {
    "metadata": Field(mapping(text(least=0, most=METADATA), most=128, longest=255)),
    "extendedMetadata": Field(mapping(plain, most=128, longest=255)),
}

LAUNCH: Fields = {
    **CREATE,
    **_METADATA,
    **launch.KEPT,
    **launch.NOT_AT_LAUNCH,
    "availabilityDomain": need(text()),
    "shape": need(text()),
    "shapeConfig": Field(group(launch.SHAPE_CONFIG)),
    "createVnicDetails": Field(group(CREATE_VNIC)),
    "subnetId": Field(ocid),
    "hostnameLabel": Field(HOSTNAME),
    "faultDomain": Field(text()),
    "imageId": Field(ocid),
    "sourceDetails": Field(group(launch.SOURCE)),
    "ipxeScript": Field(text(most=10_240)),
    "isPvEncryptionInTransitEnabled": Field(flag),
}

UPDATE_INSTANCE: Fields = {
    **RENAME,
    **_METADATA,
    **launch.KEPT,
    **launch.NOT_LATER,
    "shape": Field(text()),
    "shapeConfig": Field(group(launch.SHAPE_CONFIG)),
    "faultDomain": Field(text()),
    "updateOperationConstraint": Field(one_of("ALLOW_DOWNTIME", "AVOID_DOWNTIME")),
}

LIST_INSTANCES: Fields = {
    **SORTED,
    "availabilityDomain": Field(text()),
    "capacityReservationId": Field(unbuilt),
    "computeClusterId": Field(unbuilt),
}

TERMINATE: Fields = {
    "preserveBootVolume": Field(YES_OR_NO),
    "preserveDataVolumesCreatedAtLaunch": Field(YES_OR_NO),
    "recycleLevel": Field(one_of("FULL_RECYCLE")),
}

LIST_ATTACHMENTS: Fields = {
    **IN_COMPARTMENT,
    "instanceId": Field(ocid),
    "vnicId": Field(ocid),
    "availabilityDomain": Field(text()),
}

LIST_SHAPES: Fields = {
    **IN_COMPARTMENT,
    "availabilityDomain": Field(text()),
    "shape": Field(text()),
    "imageId": Field(ocid),
}

ACTION: Fields = {"action": need(text())}

POWER_ACTION: Fields = {
    "actionType": Field(text()),
    "allowDenseRebootMigration": Field(flag),
    "deleteLocalStorage": Field(flag),
    "timeScheduled": Field(unbuilt),
}


ROUTES = routes(
    Crud(
        path="instances",
        name="Instance",
        kind=Instance,
        create=(LAUNCH, instances.launch),
        update=(UPDATE_INSTANCE, instances.update),
        delete=None,
        list=(LIST_INSTANCES, listing.lister(Instance)),
        names={"Create": "LaunchInstance"},
    ),
    Crud(
        path="vnicAttachments",
        name="VnicAttachment",
        names={"Create": "AttachVnic", "Delete": "DetachVnic"},
        kind=VnicAttachment,
        create=(ATTACH_VNIC, vnics.attach),
        delete=vnics.detach,
        list=(LIST_ATTACHMENTS, listing.lister(VnicAttachment)),
    ),
    Crud(
        path="vnics",
        name="Vnic",
        kind=Vnic,
        update=(UPDATE_VNIC, vnics.update),
        delete=None,
    ),
) | {
    ("DELETE", "/instances/{id}"): Operation(
        name="TerminateInstance",
        kind=Instance,
        query=TERMINATE,
        act=instances.terminate,
    ),
    ("POST", "/instances/{id}"): Operation(
        name="InstanceAction",
        kind=Instance,
        query=ACTION,
        body=POWER_ACTION,
        may_be_bare=True,
        act=instances.act,
    ),
    ("GET", "/shapes"): Operation(
        name="ListShapes", query=LIST_SHAPES, act=listing.list_shapes
    ),
}
