"""VCNs, subnets, DHCP options: made and changed."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network
from itertools import combinations
from typing import Any

from mooring.core.vcn.acts.rulebooks import default_rules
from mooring.core.vcn.api.errors import invalid, missing
from mooring.core.vcn.api.schema import Values
from mooring.core.vcn.api.turns import Answer, Call, renamed
from mooring.core.vcn.model import (
    DhcpOptions,
    RouteTable,
    SecurityList,
    Subnet,
    Vcn,
)

ROUTER_MAC = "00:00:17"
DEFAULT_OPTIONS = ({"type": "DomainNameServer", "serverType": "VcnLocalPlusInternet"},)


def create_vcn(call: Call) -> Answer:
    """Make a VCN and, along with it, its default table, list and options."""
    blocks = _blocks(call.body, "cidrBlocks")
    common = call.common(Vcn, call.body, call.body.need("compartmentId", str))
    name, vcn_id = common["display_name"], common["id"]
    table = RouteTable(
        **_along(call, RouteTable, f"Default Route Table for {name}"), vcn_id=vcn_id
    )
    rules = SecurityList(
        **_along(call, SecurityList, f"Default Security List for {name}"),
        vcn_id=vcn_id,
        rules=default_rules(blocks),
    )
    options = DhcpOptions(
        **_along(call, DhcpOptions, f"Default DHCP Options for {name}"),
        vcn_id=vcn_id,
        options=DEFAULT_OPTIONS,
    )
    vcn = Vcn(
        **common,
        cidr_blocks=blocks,
        default_route_table_id=table.id,
        default_security_list_id=rules.id,
        default_dhcp_options_id=options.id,
        dns_label=call.body.get("dnsLabel", str),
    )
    draft = call.draft.put(vcn).put(table).put(rules).put(options)
    return Answer(draft=draft, subject=vcn)


def _along(
    call: Call, kind: type[RouteTable | SecurityList | DhcpOptions], name: str
) -> dict[str, Any]:
    """Give the fields of what is made along with the VCN, in its compartment."""
    named = Values({"displayName": name})
    return call.common(kind, named, call.body.need("compartmentId", str))


def _blocks(body: Values, plural: str) -> tuple[IPv4Network, ...]:
    """Give the CIDR blocks of a new VCN or subnet, by either of their two names."""
    single, many = body.get("cidrBlock", IPv4Network), body.many(plural, IPv4Network)
    if single is not None and many is not None:
        raise invalid("cidrBlock", str(single), f"must not be given with {plural}.")
    blocks = many or (() if single is None else (single,))
    if not blocks:
        raise missing("cidrBlock", plural)
    for one, two in combinations(blocks, 2):
        if one.overlaps(two):
            raise invalid(plural, str(two), f"must not overlap {one}.")
    return blocks


def update_vcn(call: Call) -> Answer:
    """Change a VCN's name and tags."""
    vcn = call.about(Vcn)
    draft = call.draft.change(vcn, **renamed(call.body))
    return Answer(draft=draft, subject=vcn)


def create_subnet(call: Call) -> Answer:
    """Make a subnet inside a VCN, apart from its other subnets."""
    body = call.body
    vcn = call.parent(Vcn, body.need("vcnId", str))
    blocks = _blocks(body, "ipv4CidrBlocks")
    _fit(call, vcn, blocks)
    common = call.common(Subnet, body, body.need("compartmentId", str))
    uses: dict[str, Any] = {
        "route_table_id": vcn.default_route_table_id,
        "security_list_ids": (vcn.default_security_list_id,),
        "dhcp_options_id": vcn.default_dhcp_options_id,
        **_uses(call, vcn.id),
    }
    subnet = Subnet(
        **common,
        **_ingress(body),
        **uses,
        vcn_id=vcn.id,
        ipv4_cidr_blocks=blocks,
        availability_domain=_domain(call),
        dns_label=body.get("dnsLabel", str),
        virtual_router_mac=f"{ROUTER_MAC}:{call.dice.roll('router')[:3].hex(':')}",
    )
    return Answer(draft=call.draft.put(subnet), subject=subnet)


def _fit(call: Call, vcn: Vcn, blocks: Sequence[IPv4Network]) -> None:
    for block in blocks:
        if not any(block.subnet_of(outer) for outer in vcn.cidr_blocks):
            outer = ", ".join(map(str, vcn.cidr_blocks))
            raise invalid("cidrBlock", str(block), f"must lie inside of {outer}.")
        for other in call.world.subnets_of(vcn.id):
            for taken in other.ipv4_cidr_blocks:
                if block.overlaps(taken):
                    rule = f"must not overlap {taken} of subnet {other.id}."
                    raise invalid("cidrBlock", str(block), rule)


def _ingress(body: Values) -> dict[str, Any]:
    """Give a subnet's two prohibitions; one follows the other unless both are said."""
    public = body.get("prohibitPublicIpOnVnic", bool)
    internet = body.get("prohibitInternetIngress", bool)
    if public is not None and internet is not None and public != internet:
        rule = "must be the same as prohibitPublicIpOnVnic."
        raise invalid("prohibitInternetIngress", internet, rule)
    prohibited = bool(public or internet)
    return {
        "prohibit_public_ip_on_vnic": prohibited,
        "prohibit_internet_ingress": prohibited,
    }


def _domain(call: Call) -> str | None:
    name = call.body.get("availabilityDomain", str)
    known = call.world.settings.availability_domains
    if name is not None and name not in known:
        raise invalid("availabilityDomain", name, f"must be of {', '.join(known)}.")
    return name


def _uses(call: Call, vcn_id: str) -> dict[str, Any]:
    """Give what a subnet shall use of its VCN, as far as the body says."""
    uses: dict[str, Any] = {}
    if table := call.body.get("routeTableId", str):
        uses["route_table_id"] = call.neighbour(
            RouteTable, "routeTableId", table, vcn_id
        )
    if options := call.body.get("dhcpOptionsId", str):
        uses["dhcp_options_id"] = call.neighbour(
            DhcpOptions, "dhcpOptionsId", options, vcn_id
        )
    lists = call.body.many("securityListIds", str)
    if lists is not None:
        uses["security_list_ids"] = tuple(
            call.neighbour(SecurityList, "securityListIds", name, vcn_id)
            for name in lists
        )
    return uses


def update_subnet(call: Call) -> Answer:
    """Change what a subnet uses, its name and tags."""
    subnet = call.about(Subnet)
    changes = {**renamed(call.body), **_uses(call, subnet.vcn_id)}
    return Answer(draft=call.draft.change(subnet, **changes), subject=subnet)


def create_dhcp(call: Call) -> Answer:
    """Make a set of DHCP options."""
    vcn = call.parent(Vcn, call.body.need("vcnId", str))
    common = call.common(DhcpOptions, call.body, call.body.need("compartmentId", str))
    options = DhcpOptions(**common, vcn_id=vcn.id, options=_options(call.body) or ())
    return Answer(draft=call.draft.put(options), subject=options)


def update_dhcp(call: Call) -> Answer:
    """Change a set's options, name and tags."""
    options = call.about(DhcpOptions)
    changes = renamed(call.body)
    if (given := _options(call.body)) is not None:
        changes["options"] = given
    return Answer(draft=call.draft.change(options, **changes), subject=options)


def _options(body: Values) -> tuple[dict[str, object], ...] | None:
    given = body.many("options", Values)
    if given is None:
        return None
    return tuple(
        {name: _written(value) for name, value in one.items.items()} for one in given
    )


def _written(value: object) -> object:
    """Give an option's value as JSON again; addresses were checked, not kept."""
    if isinstance(value, tuple):
        return [str(v) if isinstance(v, IPv4Address) else v for v in value]
    return value
