"""Ways as nft: zones, an address's own table, what comes in by a gate."""

from ipaddress import IPv4Address

from builders_gateways import (
    attach,
    drg,
    ipv6,
    labels,
    prefixes,
    public_ip,
    service_gateway,
    table,
)
from builders_vcn import Cloud, a_world, an_id

from mooring.core.linux.nft import Chain, NamedSet, Table
from mooring.core.vcn.packets import names
from mooring.core.vcn.packets.fabric import wanted
from mooring.core.vcn.packets.ways_nft import zone

A, B = an_id("vnic", "a"), an_id("vnic", "b")
NAT, PUBLIC = IPv4Address("198.18.0.1"), IPv4Address("198.18.0.9")


def compiled(cloud: Cloud) -> Table:
    return wanted(cloud.world, "x").tables[names.vcn_space("x", cloud.vcn_id)]


def chain(cloud: Cloud, name: str) -> Chain:
    return next(c for c in compiled(cloud).chains if c.name == name)


def elements(cloud: Cloud, name: str) -> dict[str, str]:
    """A map's elements."""
    found: NamedSet = next(s for s in compiled(cloud).sets if s.name == name)
    pairs = (e.partition(" : ") for e in found.elements)
    return {key: value for key, _, value in pairs}


def way_of(cloud: Cloud, vnic_id: str, family: str = "") -> Chain | None:
    """The chain of a port's ways."""
    verdict = elements(cloud, f"ways{family}").get(f'"{names.port_name(vnic_id)}"')
    return verdict and chain(cloud, verdict.removeprefix("goto "))


def led(cloud: Cloud, found: Chain) -> dict[str, tuple[str, ...]]:
    """What a chain's map of addresses leads to: the rules there."""
    name = found.rules[0].rpartition("@")[2]
    return {
        to: chain(cloud, verdict.removeprefix("goto ")).rules
        if verdict.startswith("goto")
        else (verdict,)
        for to, verdict in elements(cloud, name).items()
    }


# -- zones


def test_a_zone_is_of_an_address_and_of_whom_it_stands_for() -> None:
    one, two = IPv4Address("10.0.1.5"), IPv4Address("10.0.1.6")
    found = {zone(PUBLIC, one), zone(PUBLIC, two), zone(PUBLIC), zone(NAT)}

    assert len(found) == 4
    assert all(0 < number < 1 << 16 for number in found)


def test_what_leaves_and_what_comes_back_have_one_zone() -> None:
    cloud = a_world()
    cloud.table("none", ("0.0.0.0/0", cloud.nat("nat", str(NAT))))
    way = way_of(cloud, A)
    assert way is not None
    ((out,),) = led(cloud, way).values()
    back = chain(cloud, elements(cloud, "open")[str(NAT)].removeprefix("goto "))

    assert f"ct zone set {zone(NAT)} accept" in out
    assert back.rules == (f"ct zone set {zone(NAT)} accept",)


def test_a_public_address_takes_its_zone_with_the_one_behind() -> None:
    cloud = a_world()
    cloud.internet()
    secondary = cloud.ip(A, "10.0.1.50")
    public_ip(cloud, str(PUBLIC), secondary)
    before = elements(cloud, "open")
    public_ip(cloud, str(PUBLIC), an_id("privateip", "10.0.1.6"))

    inner = IPv4Address("10.0.1.50")
    assert before == {str(PUBLIC): f"goto z_{zone(PUBLIC, inner)}"}
    assert elements(cloud, "open") != before
    assert list(elements(cloud, "publics")) == ["10.0.1.6"]


# -- tables of addresses


def test_an_address_with_its_own_table_asks_that() -> None:
    cloud = a_world()
    own = cloud.table("own", ("0.0.0.0/0", cloud.nat("nat", str(NAT))))
    cloud.change(cloud.ip(A, "10.0.1.50"), route_table_id=own)
    way = way_of(cloud, A)
    assert way is not None

    assert list(led(cloud, way)) == ["10.0.1.50/32"]
    assert way.rules[1] == f"goto {general(cloud)}"
    assert way_of(cloud, B) == chain(cloud, general(cloud))


def general(cloud: Cloud) -> str:
    return elements(cloud, "ways")[f'"{names.port_name(B)}"'].removeprefix("goto ")


def test_the_vnics_own_table_is_nothing_special() -> None:
    cloud = a_world()
    own = an_id("routetable", "none")
    cloud.change(cloud.ip(A, "10.0.1.50"), route_table_id=own)

    assert way_of(cloud, A) == way_of(cloud, B)


def test_a_table_that_is_gone_leads_nowhere() -> None:
    cloud = a_world()
    cloud.change(cloud.ip(A, "10.0.1.50"), route_table_id="gone")
    cloud.change(an_id("subnet", "one"), route_table_id="gone too")
    way = way_of(cloud, A)
    assert way is not None

    assert led(cloud, way) == {"10.0.1.50/32": ("drop",)}
    assert len(way.rules) == 1
    assert way_of(cloud, B) is None


def test_an_ipv6_address_has_its_own_table_too() -> None:
    cloud = a_world()
    prefixes(cloud, {"one": "2001:db8:4000::/64"})
    own = cloud.table("own", ("::/0", cloud.internet()))
    ipv6(cloud, A, "2001:db8:4000::a", own)
    way = way_of(cloud, A, "6")
    assert way is not None

    assert list(led(cloud, way)) == ["2001:db8:4000::a/128"]
    assert way_of(cloud, A) == way_of(cloud, B)


# -- gates


def test_what_comes_in_by_a_drg_asks_the_attachments_table() -> None:
    cloud = a_world()
    cloud.change(B, skip_source_dest_check=True)
    into = table(cloud, "into", ("10.9.0.0/16", an_id("privateip", "10.0.1.6")))
    id = attach(cloud, drg(cloud), cloud.vcn_id, "att", ingress=into)
    verdict = elements(cloud, "entries")[f'"{names.gate_name(id)}"']
    entry = chain(cloud, verdict.removeprefix("goto "))

    assert [rule.rpartition(" ")[2] for rule in entry.rules[:2]] == ["drop", "accept"]
    found = led(cloud, Chain("", entry.rules[2:]))
    assert found == {
        "10.9.0.0-10.9.255.255": (
            f"meta mark set {names.table_number(B):#010x} accept",
        )
    }


def test_only_answers_come_in_by_a_service_gateway() -> None:
    cloud = a_world()
    every, _ = labels(cloud)
    id = service_gateway(cloud)
    table(cloud, "none", (every, id))
    way = way_of(cloud, A)
    assert way is not None

    assert elements(cloud, "senders")[f'"{names.gate_name(id)}"'] == "goto answers"
    assert led(cloud, way) == {
        "198.19.0.0-198.19.255.255": (
            f"meta mark set {names.table_number(id):#010x} accept",
        )
    }


def test_a_vcn_without_prefixes_has_nothing_of_ipv6() -> None:
    cloud = a_world()
    found = compiled(cloud)
    texts = [rule for each in found.chains for rule in each.rules]

    assert not [t for t in texts if "ip6" in t or "ipv6" in t]
    assert not [s.name for s in found.sets if s.key == "ipv6_addr"]
