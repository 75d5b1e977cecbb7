"""What somebody changes in the kernel behind the fabric's back is back after one look."""

import re
import subprocess
from collections.abc import Iterator

import pytest
from builders_vcn import OPEN, a_world, allow, an_id
from fabric_field import Field, a_field
from patience import until

from mooring.adapters import netns
from mooring.core.vcn.packets.names import nic_name, port_name
from mooring.localvcn.weaver import Weaver

A, B = an_id("vnic", "a"), an_id("vnic", "b")
PORT = port_name(A)


def at(space: str, script: str) -> str:
    done = subprocess.run(
        ["ip", "netns", "exec", space, "sh", "-c", script],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def picture(field: Field) -> list[str]:
    """What counts in the kernel, without what it numbers by itself."""
    words = (
        "ip -4 rule; ip -4 route show table all | grep -v 'table local'; ip -4 -o addr",
        "ip -o link | sed 's/@[^ ]*//; s/link-netns.*//'",
        "ip neigh show nud permanent",
        "nft -s list ruleset",
    )
    rooms = (field.router, field.internet)
    text = "".join(at(room, each) for room in rooms for each in words)
    numbers = re.compile(r"^\d+: (?=\w+:? )|(?<=chain )made_\w+", re.MULTILINE)
    return sorted(numbers.sub("", text).splitlines())


def assert_shown(field: Field, before: list[str]) -> None:
    """A link that was down comes up by and by: the kernel tells its state later."""
    until(lambda: picture(field) == before, lambda: {*before} ^ {*picture(field)})


def settled(field: Field) -> list[str]:
    """A picture that is the same twice."""
    shown = picture(field)
    while (again := picture(field)) != shown:
        shown = again
    return shown


@pytest.fixture(scope="module")
def field() -> Iterator[Field]:
    cloud = a_world()
    cloud.ip(A, "10.0.1.64/28")
    cloud.table(
        "none",
        ("0.0.0.0/0", cloud.nat("nat", "198.18.0.1")),
        ("192.0.2.0/24", an_id("privateip", "10.0.2.7")),
    )
    cloud.change(an_id("vnic", "c"), skip_source_dest_check=True)
    with a_field(cloud) as made:
        yield made


ROUTERS = [
    f"ip link del {PORT}",
    f"ip link set {PORT} down",
    f"ip link set {PORT} mtu 1400",
    f"ip link set {PORT} address 02:00:00:00:00:01",
    f"ip link set {PORT} name v0000000000",
    "ip link del uplink",
    "ip route del 10.0.1.64/28",
    "ip route replace 10.0.1.64/28 dev uplink",
    "ip route del blackhole 10.0.0.0/16",
    "ip route del default",
    "ip route flush table main",
    "ip route add 203.0.113.0/24 dev uplink",
    "ip route add 10.0.1.5 dev uplink table 77",
    "ip rule del pref 1000",
    "ip rule add pref 7 lookup 77",
    "ip rule add pref 7 fwmark 5 lookup 77",
    f"ip neigh flush dev {PORT} nud permanent",
    f"ip neigh replace 10.0.1.5 lladdr 02:00:00:00:00:01 dev {PORT} nud permanent",
    f"ip neigh add 10.0.1.99 lladdr 02:00:00:00:00:01 dev {PORT} nud permanent",
    "ip addr del 10.0.1.1/32 dev lo",
    "ip addr flush dev lo scope global",
    f"ip addr add 10.9.9.9/32 dev {PORT}",
    "ip link add v1111111111 type veth peer name x1",
    "nft delete table inet mooring",
    "nft flush table inet mooring",
    "nft flush ruleset",
    "nft flush map inet mooring senders",
    "nft insert rule inet mooring egress accept",
    "nft delete chain inet mooring postrouting",
    f'nft delete element inet mooring checked {{ "{PORT}" }}',
]
OUTSIDE = [
    "ip addr flush dev lo scope global",
    "ip route flush table main",
    "ip link set lo down",
]


@pytest.mark.parametrize("damage", ROUTERS)
def test_damage_in_a_router_is_repaired(field: Field, damage: str) -> None:
    before = settled(field)
    at(field.router, damage)
    assert picture(field) != before

    field.weave(look=True)

    assert_shown(field, before)


@pytest.mark.parametrize("damage", OUTSIDE)
def test_damage_in_the_internet_is_repaired(field: Field, damage: str) -> None:
    before = settled(field)
    at(field.internet, damage)
    assert picture(field) != before

    field.weave(look=True)

    assert_shown(field, before)


def test_a_setting_that_somebody_changed_is_back(field: Field) -> None:
    at(field.router, "sysctl -qw net.ipv4.ip_forward=0 net.ipv4.conf.all.proxy_arp=0")
    field.weave(look=True)

    words = "sysctl -n net.ipv4.ip_forward net.ipv4.conf.all.proxy_arp"
    assert at(field.router, words).split() == ["1", "1"]


@pytest.mark.parametrize("place", ["router", "internet"])
def test_a_namespace_that_is_gone_is_made_again(field: Field, place: str) -> None:
    before = settled(field)
    netns.delete(getattr(field, place))
    field.weave(look=True)

    assert_shown(field, before)
    assert reaches(field, A, "10.0.1.6")


def test_a_node_whose_namespace_is_gone_boots_again(field: Field) -> None:
    before = settled(field)
    netns.delete(field.node(A))
    field.weave(look=True)

    assert_shown(field, before)
    assert reaches(field, A, "10.0.1.6")


def test_a_nic_that_somebody_removed_is_back_and_boots(field: Field) -> None:
    at(field.node(A), f"ip link del {nic_name(0)}")
    field.weave(look=True)

    assert reaches(field, A, "10.0.1.6")


def test_what_a_guest_does_inside_is_its_own(field: Field) -> None:
    guest = field.node(B)
    at(
        guest,
        "ip addr flush dev ens3; ip link set ens3 mtu 1300; ip addr add 10.7.7.7/8 dev lo",
    )
    before = at(guest, "ip -4 addr; ip -4 route")
    field.weave(look=True)
    after = at(guest, "ip -4 addr; ip -4 route")
    at(guest, "ip addr add 10.0.1.6/24 dev ens3; ip route add default via 10.0.1.1")

    assert after == before


def test_a_guest_that_takes_a_nics_name_harms_itself_only(field: Field) -> None:
    guest = an_id("instance", "a")
    at(field.node(A), "ip link add ens5 type veth peer name x5")
    second = field.cloud.vnic(
        "a2", an_id("subnet", "two"), "10.0.2.9", on=guest, slot=1
    )
    other = field.cloud.vnic("e", an_id("subnet", "two"), "10.0.2.10")
    field.weave()
    reached = reaches(field, other, "10.0.1.5")
    at(field.node(A), "ip link del ens5")
    field.weave(look=True)

    assert reached
    until(lambda: "state UP" in at(field.node(A), "ip -o link show ens5"))
    for vnic_id, name in ((second, "a2"), (other, "e")):
        field.cloud.unplug(name)
        for ip in field.cloud.world.private_ips_of(vnic_id):
            field.cloud.world = field.cloud.world.drop(ip.id)
    field.weave()


def test_the_same_slot_serves_one_vnic_after_another(field: Field) -> None:
    subnet = an_id("subnet", "two")
    for name in ("n1", "n2"):
        field.cloud.vnic(
            name, subnet, f"10.0.2.2{name[1]}", on=an_id("instance", "a"), slot=1
        )
        field.weave()
        mac = field.cloud.get(an_id("vnic", name)).mac_address
        assert mac in at(field.node(A), "ip -o link show ens5")
        # Unplugged and replaced in one step, as after a restart that missed the time between.
        field.cloud.unplug(name)
    field.weave()


def test_another_start_touches_no_packet(field: Field) -> None:
    at(field.router, "conntrack -F")
    assert reaches(field, A, "10.0.1.6")
    before = at(field.router, "ip -o link"), at(field.router, "conntrack -L | wc -l")
    rules = transactions(field)
    field.weaver = Weaver(field.name, field.tools)
    field.weave(look=True)
    after = at(field.router, "ip -o link"), at(field.router, "conntrack -L | wc -l")

    assert after == before
    assert transactions(field) == rules


def test_another_start_mends_what_was_changed_meanwhile(field: Field) -> None:
    before = settled(field)
    at(field.router, "nft flush chain inet mooring egress")
    field.weaver = Weaver(field.name, field.tools)
    field.weave(look=True)

    assert_shown(field, before)


def transactions(field: Field) -> int:
    """How many nft transactions the router's namespace has seen."""
    fd = field.tools.namespaces.open_fd(field.router)
    try:
        return field.tools.nft.generation(fd)
    finally:
        field.tools.namespaces.close(fd)


def test_a_rule_that_changes_leaves_the_other_chains_alone(field: Field) -> None:
    field.cloud.security_list("open", allow("egress"), allow("ingress", "tcp", to="80"))
    field.weave()
    before = chains(field)
    field.cloud.security_list("open", allow("egress"), allow("ingress", "tcp", to="81"))
    field.weave()
    after = chains(field)
    field.cloud.security_list("open", *OPEN)
    field.weave()

    # What a packet may do and what a flow may do: two chains are new, two are gone.
    assert len(before - after) == len(after - before) == 2


def chains(field: Field) -> set[str]:
    """Chains with their handles: one that was made again has another."""
    listing = at(field.router, "nft -a list table inet mooring")
    return set(re.findall(r"^\tchain .*", listing, re.MULTILINE))


def reaches(field: Field, vnic_id: str, address: str) -> bool:
    done = subprocess.run(
        ["ip", "netns", "exec", field.node(vnic_id), "ping", "-nqc1", "-W60", address],
        check=False,
        capture_output=True,
    )
    return done.returncode == 0
