"""VNICs and their attachments: made, changed, detached.

An attachment is ATTACHING, ATTACHED, DETACHING, then DETACHED and shown for a while; its
VNIC is PROVISIONING, AVAILABLE, TERMINATING, then gone with its addresses. The passing
states end by themselves (`settle`). A VNIC's attachment tells its slot on the instance:
0 is the primary's, a new one gets the lowest that is free.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from ipaddress import IPv4Address, IPv4Network
from itertools import count

from mooring.core.vcn.acts import publicips
from mooring.core.vcn.acts.addresses import Wish, choose
from mooring.core.vcn.acts.blocks import ready
from mooring.core.vcn.acts.gateways import table_choice
from mooring.core.vcn.acts.homes import RESERVED, named
from mooring.core.vcn.acts.ipv6 import along
from mooring.core.vcn.acts.sizes import card
from mooring.core.vcn.api.errors import (
    conflict,
    incorrect_state,
    invalid,
    limit,
    missing,
)
from mooring.core.vcn.api.schema import Values
from mooring.core.vcn.api.turns import Answer, Call, Draft, renamed
from mooring.core.vcn.indexes import listed
from mooring.core.vcn.model import (
    Instance,
    NetworkSecurityGroup,
    PrivateIp,
    Subnet,
    Vnic,
    VnicAttachment,
)

ATTACHING, ATTACHED = "ATTACHING", "ATTACHED"
DETACHING, DETACHED = "DETACHING", "DETACHED"
PROVISIONING, TERMINATING = "PROVISIONING", "TERMINATING"
MAC_HEAD = "02:00"
FIT_FOR_ATTACHING = ("RUNNING", "STOPPED")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a new VNIC goes: on which instance, at which of its slots."""

    instance: Instance
    slot: int
    nic_index: int = 0
    name: str | None = None


def attach(call: Call) -> Answer:
    """Make a secondary VNIC and attach it to an instance."""
    instance = call.parent(Instance, call.body.need("instanceId", str))
    if instance.lifecycle_state not in FIT_FOR_ATTACHING:
        state = instance.lifecycle_state
        raise incorrect_state("Instance", instance.id, state, *FIT_FOR_ATTACHING)
    slots = {
        attachment.slot
        for attachment in call.world.attachments_of(instance.id)
        if attachment.lifecycle_state != DETACHED
    }
    if len(slots) >= instance.max_vnic_attachments:
        what = f"VNIC attachments of instance {instance.id}"
        raise limit(what, instance.max_vnic_attachments)
    place = Place(
        instance=instance,
        slot=next(n for n in count(1) if n not in slots),
        nic_index=card(call, instance),
        name=call.body.get("displayName", str),
    )
    details = call.body.need("createVnicDetails", Values)
    draft, attachment = plug(call, call.draft, details, place)
    return Answer(draft=draft, subject=attachment)


def plug(
    call: Call, draft: Draft, details: Values, place: Place
) -> tuple[Draft, VnicAttachment]:
    """Make a VNIC with its primary private IP and its attachment, on their way."""
    subnet_id = details.get("subnetId", str)
    if subnet_id is None:
        raise missing("createVnicDetails.subnetId")
    subnet = call.parent(Subnet, subnet_id)
    _check_domain(subnet, place.instance)
    reserved = _reserved(call, details, subnet)
    vnic = _new(call, details, subnet, place)
    if reserved is not None:
        vnic = _taken_on(call, vnic, reserved)
    attachment = VnicAttachment(
        **call.common(
            VnicAttachment, Values({"displayName": place.name}), vnic.compartment_id
        ),
        instance_id=place.instance.id,
        vnic_id=vnic.id,
        subnet_id=subnet.id,
        availability_domain=vnic.availability_domain,
        nic_index=place.nic_index,
        slot=place.slot,
        lifecycle_state=ATTACHING,
        settles_at=vnic.settles_at,
    )
    draft = draft.put(vnic)
    if reserved is None:
        ip = _primary(call, details, subnet, vnic)
        draft = publicips.born(call, draft.put(ip), vnic, ip)
    else:
        draft = _adopted(call, draft, vnic, reserved)
    return along(call, draft, details, vnic).put(attachment), attachment


def _new(call: Call, details: Values, subnet: Subnet, place: Place) -> Vnic:
    return Vnic(
        **call.common(Vnic, details, place.instance.compartment_id),
        subnet_id=subnet.id,
        vcn_id=subnet.vcn_id,
        availability_domain=place.instance.availability_domain,
        mac_address=_mac(call),
        is_primary=place.slot == 0,
        skip_source_dest_check=details.get("skipSourceDestCheck", bool) or False,
        nsg_ids=_groups(call, details, subnet.vcn_id) or (),
        public_ip=_public(call, details, subnet),
        hostname_label=_label(call, details, subnet),
        lifecycle_state=PROVISIONING,
        settles_at=call.now + call.world.settings.delays.vnic_attach,
    )


def _primary(call: Call, details: Values, subnet: Subnet, vnic: Vnic) -> PrivateIp:
    """Make a new VNIC's primary private IP."""
    wish = Wish(
        address=details.get("privateIp", IPv4Address),
        block=details.get("subnetCidr", IPv4Network),
        address_field="createVnicDetails.privateIp",
        block_field="createVnicDetails.subnetCidr",
    )
    chosen = choose(call.world, subnet, wish, call.dice.number("primary"))
    return PrivateIp(
        **call.common(PrivateIp, Values({}), vnic.compartment_id),
        subnet_id=subnet.id,
        vcn_id=subnet.vcn_id,
        ip_address=chosen.network_address,
        vnic_id=vnic.id,
        is_primary=True,
        hostname_label=vnic.hostname_label,
        availability_domain=vnic.availability_domain,
    )


def _reserved(call: Call, details: Values, subnet: Subnet) -> PrivateIp | None:
    """Give the reserved private IP that a new VNIC shall have as its primary one."""
    where, name = "createVnicDetails.privateIpId", details.get("privateIpId", str)
    if name is None:
        return None
    for other in ("privateIp", "subnetCidr"):
        if other in details:
            raise invalid(where, name, f"must not be given with {other}.")
    ip = call.related(PrivateIp, where, name)
    if ip.subnet_id != subnet.id:
        raise invalid(where, name, f"must be in subnet {subnet.id}.")
    if ip.lifetime != RESERVED or ip.cidr_prefix_length is not None:
        rule = f"must be a single address with the lifetime {RESERVED}."
        raise invalid(where, name, rule)
    if ip.vnic_id is not None:
        raise conflict(f"{where} {name} is assigned to VNIC {ip.vnic_id}.")
    ready(subnet)
    return ip


def _label(call: Call, details: Values, subnet: Subnet) -> str | None:
    """Give a new VNIC's host name: its own, else that of its reserved private IP."""
    label = details.get("hostnameLabel", str)
    if label is not None and details.get("assignPrivateDnsRecord", bool) is False:
        where = "createVnicDetails.assignPrivateDnsRecord"
        raise invalid(where, False, "must be true with a hostnameLabel.")  # noqa: FBT003 - the field's value
    reserved = call.world.find(PrivateIp, details.get("privateIpId", str) or "")
    if reserved is not None and label in (None, reserved.hostname_label):
        return reserved.hostname_label
    return named(call.world, subnet, label)


def _taken_on(call: Call, vnic: Vnic, ip: PrivateIp) -> Vnic:
    """Give a new VNIC the public address that its reserved private IP has already."""
    public = publicips.of(call.world, ip.id)
    return vnic if public is None else replace(vnic, public_ip=public.ip_address)


def _adopted(call: Call, draft: Draft, vnic: Vnic, ip: PrivateIp) -> Draft:
    """Make a reserved private IP the primary one of a new VNIC."""
    draft = draft.change(
        ip,
        vnic_id=vnic.id,
        is_primary=True,
        hostname_label=vnic.hostname_label,
        availability_domain=vnic.availability_domain,
    )
    has_one = publicips.of(call.world, ip.id) is not None
    return draft if has_one else publicips.born(call, draft, vnic, ip)


def _check_domain(subnet: Subnet, instance: Instance) -> None:
    if subnet.availability_domain not in (None, instance.availability_domain):
        rule = f"must be in {instance.availability_domain} or regional."
        raise invalid("createVnicDetails.subnetId", subnet.id, rule)


def _mac(call: Call) -> str:
    """Make a MAC address that no VNIC has."""
    throws = call.dice.rolls("mac")
    macs = (f"{MAC_HEAD}:{roll[:4].hex(':')}" for roll in throws)
    return next(mac for mac in macs if not call.world.space(listed(Vnic, mac)).count)


def _groups(call: Call, details: Values, vcn_id: str) -> tuple[str, ...] | None:
    ids = details.many("nsgIds", str)
    for n, name in enumerate(ids or ()):
        call.neighbour(NetworkSecurityGroup, f"nsgIds[{n}]", name, vcn_id)
    return ids


def _public(call: Call, details: Values, subnet: Subnet) -> IPv4Address | None:
    """Give a VNIC's public address: by wish, or else as the subnet permits."""
    wanted = details.get("assignPublicIp", bool)
    if wanted and subnet.prohibit_public_ip_on_vnic:
        rule = f"Public IP addresses are prohibited in this subnet {subnet.id}."
        raise invalid("createVnicDetails.assignPublicIp", wanted, rule)
    if wanted is None:
        wanted = not subnet.prohibit_public_ip_on_vnic
    if not wanted:
        return None
    return publicips.free_address(call.world, call.dice.number("public"))


def detach(call: Call) -> Answer:
    """Detach a secondary VNIC, which ends it."""
    attachment = call.about(VnicAttachment)
    if attachment.slot == 0:
        rule = "is the primary VNIC's, which goes only with its instance."
        raise invalid("vnicAttachmentId", attachment.id, rule)
    if attachment.lifecycle_state != ATTACHED:
        state = attachment.lifecycle_state
        raise incorrect_state("VNIC attachment", attachment.id, state, ATTACHED)
    until = call.now + call.world.settings.delays.vnic_detach
    return Answer(draft=unplug(call.draft, attachment, until), status=204)


def unplug(draft: Draft, attachment: VnicAttachment, until: datetime) -> Draft:
    """Set an attachment and its VNIC on their way out, to be gone by a time."""
    draft = draft.change(attachment, lifecycle_state=DETACHING, settles_at=until)
    vnic = draft.world.records[attachment.vnic_id]
    return draft.change(vnic, lifecycle_state=TERMINATING, settles_at=until)


def update(call: Call) -> Answer:
    """Change a VNIC's groups, check, host name, table, name and tags."""
    vnic = call.about(Vnic)
    body = call.body
    if vnic.lifecycle_state == TERMINATING:
        raise incorrect_state("VNIC", vnic.id, vnic.lifecycle_state)
    changes = {**renamed(body), **table_choice(call, vnic.vcn_id)}
    groups = _groups(call, body, vnic.vcn_id)
    if groups is not None:
        changes["nsg_ids"] = groups
    if "skipSourceDestCheck" in body:
        changes["skip_source_dest_check"] = body.need("skipSourceDestCheck", bool)
    draft = call.draft
    label = body.get("hostnameLabel", str)
    if label is not None and label != vnic.hostname_label:
        subnet = call.parent(Subnet, vnic.subnet_id)
        changes["hostname_label"] = named(call.world, subnet, label)
        primary = call.world.private_ips_of(vnic.id)[0]
        draft = draft.change(primary, hostname_label=label)
    return Answer(draft=draft.change(vnic, **changes), subject=vnic)
