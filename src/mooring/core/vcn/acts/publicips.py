"""Public addresses: made, assigned, moved, taken away.

A private IP has one at most. A VNIC that is born with a public address gets an EPHEMERAL object
(`born`), a NAT gateway too (`for_gateway`); it goes with what has it (`freed`), while a RESERVED one is
then nobody's again. `Vnic.public_ip` repeats the address of the VNIC's primary private IP.
"""

from dataclasses import replace
from datetime import datetime
from ipaddress import IPv4Address

from mooring.core.vcn.acts import servicelimits
from mooring.core.vcn.acts.listing import lister
from mooring.core.vcn.api.errors import (
    conflict,
    incorrect_state,
    invalid,
    missing,
    not_found,
)
from mooring.core.vcn.api.schema import Values
from mooring.core.vcn.api.turns import Answer, Call, Draft, renamed
from mooring.core.vcn.indexes import PUBLIC
from mooring.core.vcn.limits import PUBLIC_ADDRESSES
from mooring.core.vcn.model import PrivateIp, PublicIp, Resource, Subnet, Vnic
from mooring.core.vcn.world import World

EPHEMERAL, RESERVED = "EPHEMERAL", "RESERVED"
REGION, DOMAIN = "REGION", "AVAILABILITY_DOMAIN"
PRIVATE_IP, NAT_GATEWAY = "PRIVATE_IP", "NAT_GATEWAY"
AVAILABLE, ASSIGNED = "AVAILABLE", "ASSIGNED"
PROVISIONING, ASSIGNING = "PROVISIONING", "ASSIGNING"
UNASSIGNING, TERMINATING = "UNASSIGNING", "TERMINATING"
SETTLED = (AVAILABLE, ASSIGNED)


# -- what other acts use


def of(world: World, entity_id: str) -> PublicIp | None:
    """Give the public address that a private IP or a NAT gateway has."""
    return next(world.referring(PublicIp, entity_id), None)


def born(call: Call, draft: Draft, vnic: Vnic, primary: PrivateIp) -> Draft:
    """Make the object of the public address that a new VNIC was given, if it was."""
    if vnic.public_ip is None:
        return draft
    return draft.put(
        PublicIp(
            **call.common(PublicIp, Values({}), primary.compartment_id),
            ip_address=vnic.public_ip,
            lifetime=EPHEMERAL,
            scope=DOMAIN,
            availability_domain=vnic.availability_domain,
            lifecycle_state=ASSIGNED,
            assigned_entity_id=primary.id,
            assigned_entity_type=PRIVATE_IP,
        )
    )


def for_gateway(
    call: Call, draft: Draft, gateway: Resource, public_ip_id: str | None
) -> tuple[Draft, PublicIp]:
    """Give a new NAT gateway the reserved address that it asks for, or else one of its own."""
    if public_ip_id is not None:
        found = call.related(PublicIp, "publicIpId", public_ip_id)
        if found.lifetime != RESERVED:
            raise invalid("publicIpId", found.id, "must be a reserved public IP.")
        if found.assigned_entity_id is not None:
            other = found.assigned_entity_id
            raise conflict(f"The public IP {found.id} is assigned to {other}.")
        if found.lifecycle_state != AVAILABLE:
            raise incorrect_state("Public IP", found.id, found.lifecycle_state)
    else:
        found = PublicIp(
            **call.common(PublicIp, Values({}), gateway.compartment_id),
            ip_address=free_address(call.world, call.dice.number("public")),
            lifetime=EPHEMERAL,
            scope=REGION,
        )
    mine = replace(
        found,
        lifecycle_state=ASSIGNED,
        assigned_entity_id=gateway.id,
        assigned_entity_type=NAT_GATEWAY,
    )
    return draft.change(mine) if public_ip_id else draft.put(mine), mine


def freed(draft: Draft, entity_id: str) -> Draft:
    """Take the public address off what is about to go: with it goes an ephemeral one."""
    found = of(draft.world, entity_id)
    if found is None:
        return draft
    draft = _shown_at(draft, found, None)
    if found.lifetime == EPHEMERAL:
        return draft.drop(found)
    return draft.change(
        found,
        lifecycle_state=AVAILABLE,
        settles_at=None,
        assigned_entity_id=None,
        assigned_entity_type=None,
    )


def free_address(world: World, dice: int) -> IPv4Address:
    """Choose a public address that nobody has."""
    within = int(PUBLIC_ADDRESSES[0]), 32 - PUBLIC_ADDRESSES.prefixlen
    found = world.space(PUBLIC).pick(within, 0, dice)
    if found is None:
        raise conflict("There are no public IP addresses left.")
    return IPv4Address(found)


# -- the calls


def create(call: Call) -> Answer:
    """Make a public address: a reserved one for nobody yet, or one for a private IP."""
    lifetime = call.body.need("lifetime", str)
    private_ip_id = call.body.get("privateIpId", str)
    if lifetime == EPHEMERAL and private_ip_id is None:
        raise missing("privateIpId")
    if lifetime == RESERVED:
        servicelimits.check(call, "reserved-public-ip-count")
    private_ip = None if private_ip_id is None else _assignable(call, private_ip_id)
    public = PublicIp(
        **call.common(PublicIp, call.body, call.body.need("compartmentId", str)),
        ip_address=free_address(call.world, call.dice.number("public")),
        lifetime=lifetime,
        scope=REGION,
        lifecycle_state=PROVISIONING,
        settles_at=_soon(call),
    )
    if private_ip is None:
        return Answer(draft=call.draft.put(public), subject=public)
    if lifetime == EPHEMERAL:
        public = _ephemeral(call, public, private_ip)
    return Answer(draft=_assigned(call, call.draft, public, private_ip), subject=public)


def _ephemeral(call: Call, public: PublicIp, private_ip: PrivateIp) -> PublicIp:
    """Bind a new address to the primary private IP for which it is made."""
    if not private_ip.is_primary:
        rule = "must be a primary private IP: only these have ephemeral public IPs."
        raise invalid("privateIpId", private_ip.id, rule)
    if public.compartment_id != private_ip.compartment_id:
        rule = f"must be that of the private IP, {private_ip.compartment_id}."
        raise invalid("compartmentId", public.compartment_id, rule)
    vnic = call.parent(Vnic, private_ip.vnic_id or "")
    return replace(public, scope=DOMAIN, availability_domain=vnic.availability_domain)


def _assignable(call: Call, private_ip_id: str) -> PrivateIp:
    """Give a private IP that may have a public address and has none."""
    private_ip = call.related(PrivateIp, "privateIpId", private_ip_id)
    if private_ip.cidr_prefix_length is not None:
        rule = "must be a single address: an IP CIDR has no public IP."
        raise invalid("privateIpId", private_ip.id, rule)
    if private_ip.vnic_id is None:
        raise conflict(f"The private IP {private_ip.id} is not assigned to a VNIC.")
    vnic = call.parent(Vnic, private_ip.vnic_id)
    if vnic.lifecycle_state == TERMINATING:
        raise incorrect_state("VNIC", vnic.id, vnic.lifecycle_state)
    subnet = call.parent(Subnet, private_ip.subnet_id)
    if subnet.prohibit_public_ip_on_vnic:
        rule = f"Public IP addresses are prohibited in this subnet {subnet.id}."
        raise invalid("privateIpId", private_ip.id, rule)
    if other := of(call.world, private_ip.id):
        raise conflict(f"The private IP {private_ip.id} has the public IP {other.id}.")
    return private_ip


def _assigned(
    call: Call, draft: Draft, public: PublicIp, private_ip: PrivateIp
) -> Draft:
    """Assign an address that nobody has to a private IP."""
    mine = replace(
        public,
        lifecycle_state=ASSIGNING,
        settles_at=_soon(call),
        assigned_entity_id=private_ip.id,
        assigned_entity_type=PRIVATE_IP,
    )
    draft = draft.change(mine) if public.id in draft.world.records else draft.put(mine)
    return _shown_at(draft, mine, mine.ip_address)


def _shown_at(draft: Draft, public: PublicIp, address: IPv4Address | None) -> Draft:
    """Repeat an address at the VNIC whose primary private IP has it; None takes it away."""
    private_ip = draft.world.find(PrivateIp, public.assigned_entity_id or "")
    if private_ip is None or not private_ip.is_primary:
        return draft
    vnic = draft.world.find(Vnic, private_ip.vnic_id or "")
    return draft if vnic is None else draft.change(vnic, public_ip=address)


def _soon(call: Call) -> datetime:
    return call.now + call.world.settings.delays.public_ip


def update(call: Call) -> Answer:
    """Assign, move or take away a reserved address; rename any."""
    public = _own(call)
    draft = call.draft.change(public, **renamed(call.body))
    wanted = call.body.get("privateIpId", str)
    if wanted is None or wanted == (public.assigned_entity_id or ""):
        return Answer(draft=draft, subject=public)
    if public.lifetime == EPHEMERAL:
        rule = "must not be given for an ephemeral public IP, which stays where it is."
        raise invalid("privateIpId", wanted, rule)
    if public.lifecycle_state not in SETTLED:
        raise incorrect_state("Public IP", public.id, public.lifecycle_state)
    private_ip = _assignable(call, wanted) if wanted else None
    draft = _shown_at(draft, public, None)
    public = draft.now(public)
    if private_ip is not None:
        return Answer(draft=_assigned(call, draft, public, private_ip), subject=public)
    draft = draft.change(
        public,
        lifecycle_state=UNASSIGNING,
        settles_at=_soon(call),
        assigned_entity_id=None,
        assigned_entity_type=None,
    )
    return Answer(draft=draft, subject=public)


def _own(call: Call) -> PublicIp:
    """Give the address that the path names, unless the cloud gave it to an entity."""
    public = call.about(PublicIp)
    if public.lifecycle_state == TERMINATING:
        raise incorrect_state("Public IP", public.id, public.lifecycle_state)
    if public.assigned_entity_type == NAT_GATEWAY:
        raise conflict(
            f"The public IP {public.id} is assigned to {public.assigned_entity_id} and "
            "stays until that is deleted."
        )
    return public


def delete(call: Call) -> Answer:
    """Give an address back; a reserved one that is assigned goes after a while."""
    public = _own(call)
    draft = _shown_at(call.draft, public, None)
    if public.assigned_entity_id is None or public.lifetime == EPHEMERAL:
        return Answer(draft=draft.drop(public), status=204)
    draft = draft.change(
        public,
        lifecycle_state=TERMINATING,
        settles_at=_soon(call),
        assigned_entity_id=None,
        assigned_entity_type=None,
    )
    return Answer(draft=draft, status=204)


def change_compartment(call: Call) -> Answer:
    """Put a reserved address into another compartment."""
    public = _own(call)
    if public.lifetime == EPHEMERAL:
        raise conflict(f"The public IP {public.id} is ephemeral: it stays where it is.")
    wanted = call.body.need("compartmentId", str)
    return Answer(draft=call.draft.change(public, compartment_id=wanted), status=204)


def by_address(call: Call) -> Answer:
    """Show the object of an address."""
    address = call.body.need("ipAddress", IPv4Address)
    entry = call.world.space(PUBLIC).at(int(address))
    public = None if entry is None else call.world.find(PublicIp, entry.owner)
    if public is None:
        raise not_found(str(address))
    return Answer(draft=call.draft, subject=public)


def by_private_ip(call: Call) -> Answer:
    """Show the public address of a private IP."""
    private_ip_id = call.body.need("privateIpId", str)
    public = of(call.world, private_ip_id)
    if public is None:
        raise not_found(private_ip_id)
    return Answer(draft=call.draft, subject=public)


_LIST = lister(PublicIp)


def list_all(call: Call) -> Answer:
    """List the region's addresses, or those of an availability domain."""
    if (
        call.query.need("scope", str) == DOMAIN
        and "availabilityDomain" not in call.query
    ):
        raise missing("availabilityDomain")
    return _LIST(call)
