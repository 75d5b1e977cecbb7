"""VCNs, subnets, DHCP options: made and changed."""

from ipaddress import IPv4Network, IPv6Network
from typing import Any, TypeVar

from mooring.core.vcn.acts import servicelimits
from mooring.core.vcn.acts.blocks import (
    apart,
    fit,
    fit6,
    oracle_prefix,
    permitted,
    permitted6,
    ready,
    resized,
    rewritten6,
    updating,
)
from mooring.core.vcn.acts.rulebooks import default_rules
from mooring.core.vcn.api.errors import conflict, invalid, limit, missing, not_built
from mooring.core.vcn.api.schema import Values
from mooring.core.vcn.api.turns import Answer, Call, renamed
from mooring.core.vcn.limits import PREFIXES_PER_VCN
from mooring.core.vcn.model import (
    DhcpOptions,
    Ports,
    RouteTable,
    SecurityList,
    SecurityRule,
    Subnet,
    Vcn,
)

N = TypeVar("N", IPv4Network, IPv6Network)

ROUTER_MAC = "00:00:17"
ALL6 = "::/0"
DEFAULT_OPTIONS = ({"type": "DomainNameServer", "serverType": "VcnLocalPlusInternet"},)
# What the default list of a VCN has besides when it is made with IPv6.
DEFAULT_RULES6 = (
    SecurityRule(
        direction="INGRESS", protocol="6", peer=ALL6, destination_ports=Ports(22, 22)
    ),
    SecurityRule(
        direction="INGRESS", protocol="58", peer=ALL6, icmp_type=2, icmp_code=0
    ),
    SecurityRule(direction="EGRESS", protocol="all", peer=ALL6),
)


def create_vcn(call: Call) -> Answer:
    """Make a VCN and, along with it, its default table, list and options."""
    servicelimits.check(call, "vcn-count")
    blocks = _some_blocks(call.body, "cidrBlocks")
    for block in blocks:
        permitted("cidrBlock", block)
    prefixes = _prefixes(call)
    common = call.common(Vcn, call.body, call.body.need("compartmentId", str))
    name, vcn_id = common["display_name"], common["id"]
    table = RouteTable(
        **_along(call, RouteTable, f"Default Route Table for {name}"), vcn_id=vcn_id
    )
    rules = SecurityList(
        **_along(call, SecurityList, f"Default Security List for {name}"),
        vcn_id=vcn_id,
        rules=default_rules(blocks) + (DEFAULT_RULES6 if prefixes else ()),
    )
    options = DhcpOptions(
        **_along(call, DhcpOptions, f"Default DHCP Options for {name}"),
        vcn_id=vcn_id,
        options=DEFAULT_OPTIONS,
    )
    vcn = Vcn(
        **common,
        **prefixes,
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


def _prefixes(call: Call) -> dict[str, Any]:
    """Give a new VCN's IPv6 prefixes: one of Oracle's unless declined, private ones."""
    body, where = call.body, "ipv6PrivateCidrBlocks"
    private = body.many(where, IPv6Network) or ()
    if not body.get("isIpv6Enabled", bool):
        if private:
            raise invalid(where, str(private[0]), "needs isIpv6Enabled to be true.")
        return {}
    for n, block in enumerate(private):
        permitted6(f"{where}[{n}]", block)
    apart(where, private)
    if body.get("isOracleGuaAllocationEnabled", bool) is False:
        if not private:
            raise missing(where)
        return {"ipv6_private_cidr_blocks": private}
    if len(private) >= PREFIXES_PER_VCN:
        raise limit("IPv6 prefixes of a VCN", PREFIXES_PER_VCN)
    prefix = oracle_prefix(call.world, call.dice.number("prefix"))
    return {"ipv6_cidr_blocks": (prefix,), "ipv6_private_cidr_blocks": private}


def _blocks(body: Values, single: str, plural: str, kind: type[N]) -> tuple[N, ...]:
    """Give the CIDR blocks of a VCN or subnet, by either of their two names."""
    one, many = body.get(single, kind), body.many(plural, kind)
    if one is not None and many is not None:
        raise invalid(single, str(one), f"must not be given with {plural}.")
    blocks = many or (() if one is None else (one,))
    apart(plural, blocks)
    return blocks


def _some_blocks(body: Values, plural: str) -> tuple[IPv4Network, ...]:
    blocks = _blocks(body, "cidrBlock", plural, IPv4Network)
    if not blocks:
        raise missing("cidrBlock", plural)
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
    ready(vcn)
    servicelimits.check_vcn(call, vcn, "subnet-count")
    blocks, prefixes = _subnet_blocks(call, vcn)
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
        ipv6_cidr_blocks=prefixes,
        availability_domain=_domain(call),
        dns_label=_label(call, vcn),
        virtual_router_mac=f"{ROUTER_MAC}:{call.dice.roll('router')[:3].hex(':')}",
    )
    return Answer(draft=call.draft.put(subnet), subject=subnet)


def _subnet_blocks(
    call: Call, vcn: Vcn
) -> tuple[tuple[IPv4Network, ...], tuple[IPv6Network, ...]]:
    """Give a new subnet's blocks of both kinds."""
    prefixes = _blocks(call.body, "ipv6CidrBlock", "ipv6CidrBlocks", IPv6Network)
    if prefixes and not {"cidrBlock", "ipv4CidrBlocks"} & call.body.items.keys():
        raise not_built("ipv6CidrBlocks without IPv4 blocks")
    blocks = _some_blocks(call.body, "ipv4CidrBlocks")
    fit(call, vcn, "cidrBlock", blocks)
    fit6(call, vcn, "ipv6CidrBlock", prefixes)
    return blocks, prefixes


def _label(call: Call, vcn: Vcn) -> str | None:
    """Check a subnet's DNS label: its VCN must have one and no such subnet yet."""
    label = call.body.get("dnsLabel", str)
    if label is None:
        return None
    if vcn.dns_label is None:
        rule = f"needs a dnsLabel, which VCN {vcn.id} has not."
        raise invalid("dnsLabel", label, rule)
    for other in call.world.subnets_of(vcn.id):
        if other.dns_label is not None and other.dns_label.lower() == label.lower():
            raise conflict(f"dnsLabel {label} is already in use by subnet {other.id}.")
    return label


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
    """Change what a subnet uses, its blocks, name and tags."""
    subnet = call.about(Subnet)
    ready(call.parent(Vcn, subnet.vcn_id))
    changes = {
        **renamed(call.body),
        **_uses(call, subnet.vcn_id),
        **_recut(call, subnet),
    }
    return Answer(draft=call.draft.change(subnet, **changes), subject=subnet)


def _recut(call: Call, subnet: Subnet) -> dict[str, Any]:
    """Give the change of a subnet's blocks that a body asks for."""
    body = call.body
    changes: dict[str, Any] = {}
    first, new = subnet.ipv4_cidr_blocks[0], body.get("cidrBlock", IPv4Network)
    if new is not None and new != first:
        if new.network_address != first.network_address:
            rule = f"must begin where the subnet's {first} begins."
            raise invalid("cidrBlock", str(new), rule)
        changes["ipv4_cidr_blocks"] = resized(call, subnet, "cidrBlock", first, new)
    wanted = _blocks(body, "ipv6CidrBlock", "ipv6CidrBlocks", IPv6Network)
    if wanted not in ((), subnet.ipv6_cidr_blocks):
        where = "ipv6CidrBlocks"
        changes["ipv6_cidr_blocks"] = rewritten6(call, subnet, where, wanted)
    if not changes:
        return {}
    ready(subnet)
    return {**changes, **updating(call, subnet)}


def create_dhcp(call: Call) -> Answer:
    """Make a set of DHCP options."""
    vcn = call.parent(Vcn, call.body.need("vcnId", str))
    servicelimits.check_vcn(call, vcn, "dhcp-option-count")
    common = call.common(DhcpOptions, call.body, call.body.need("compartmentId", str))
    options = DhcpOptions(**common, vcn_id=vcn.id, **_options(call.body))
    return Answer(draft=call.draft.put(options), subject=options)


def update_dhcp(call: Call) -> Answer:
    """Change a set's options, name and tags."""
    options = call.about(DhcpOptions)
    changes = renamed(call.body) | _options(call.body)
    return Answer(draft=call.draft.change(options, **changes), subject=options)


def _options(body: Values) -> dict[str, Any]:
    """Give a set's options and kind of domain, as far as the body says."""
    changes: dict[str, Any] = {}
    given = body.many("options", Values)
    if given is not None:
        changes["options"] = tuple(one.written() for one in given)
    if "domainNameType" in body:
        changes["domain_name_type"] = body.need("domainNameType", str)
    return changes
