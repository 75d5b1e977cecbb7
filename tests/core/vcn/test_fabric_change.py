"""What a change carries to the kernel: what it is about, however much there is beside it."""

import re
from dataclasses import replace

from builders_vcn import Cloud, allow, an_id

from mooring.core.linux.nft import Table
from mooring.core.linux.nftchange import change
from mooring.core.vcn.model import NetworkSecurityGroup, SecurityRule, Vcn
from mooring.core.vcn.packets.fabric import Fabric, wanted
from mooring.core.vcn.packets.fabric_nft import ruleset
from mooring.core.vcn.packets.names import vcn_space
from mooring.core.vcn.packets.ports import ports_of
from mooring.core.vcn.packets.router import router
from mooring.core.vcn.world import World

RULES = 60
ADDRESSES = 40


def a_rule(number: int, port: int) -> SecurityRule:
    """One of many, each about a peer of its own."""
    return allow("ingress", "tcp", f"172.16.{number}.0/24", to=str(port))


def a_large_world() -> Cloud:
    """Two kinds of VNICs: under a list and a group with many rules, and under the list alone."""
    cloud = Cloud()
    rules = (allow("egress"), *(a_rule(n, 1000 + n) for n in range(RULES)))
    everything = cloud.security_list("list", *rules)
    subnet = cloud.subnet("one", "10.0.1.0/24", (everything,), cloud.table("none"))
    group = cloud.group("g", *(a_rule(100 + n, 2000 + n) for n in range(RULES)))
    cloud.vnic("a", subnet, "10.0.1.5", groups=(group,))
    other = cloud.vnic("b", subnet, "10.0.1.6")
    for n in range(ADDRESSES):
        cloud.ip(other, f"10.0.1.{100 + n}")
    return cloud


def fabric(cloud: Cloud) -> Fabric:
    return wanted(cloud.world, "lab")


def table(cloud: Cloud) -> Table:
    return fabric(cloud).tables[vcn_space("lab", cloud.vcn_id)]


def with_another(cloud: Cloud, port: int) -> str:
    """Change the port of one rule of the group; give the script."""
    before = table(cloud)
    rules = [a_rule(100 + n, 2000 + n) for n in range(RULES)]
    cloud.group("g", *rules[:-1], a_rule(100 + RULES - 1, port))
    return change(before, table(cloud))


def test_a_changed_rule_moves_one_element_of_a_map() -> None:
    cloud = a_large_world()
    script = with_another(cloud, 9)
    elements = re.findall(r"(add|delete) element inet mooring (\w+) \{ (.*) \}", script)
    peer = f"172.16.{100 + RULES - 1}.0-172.16.{100 + RULES - 1}.255"

    assert [(verb, of.rpartition("_")[2]) for verb, of, _ in elements] == [
        ("delete", "flows"),
        ("add", "flows"),
        ("delete", "packets"),
        ("add", "packets"),
    ]
    assert all(re.fullmatch(rf"{peer} : jump [co]_\w+", what) for *_, what in elements)
    assert len({of for _, of, _ in elements}) == 2


def test_a_changed_rule_makes_and_removes_only_its_services() -> None:
    script = with_another(a_large_world(), 9)

    assert len(set(re.findall(r"^\tchain (\w+)", script, re.MULTILINE))) == 2
    assert re.findall(r"elements = (.*)", script) == ["{ tcp . 9 }"]
    assert script.count("add rule") == script.count("\tmap ") == 0
    assert len(re.findall(r"^delete (?:set|chain) ", script, re.MULTILINE)) == 3
    assert f"tcp . {2000}" not in script


def test_services_that_are_there_already_are_only_led_to() -> None:
    script = with_another(a_large_world(), 2000)

    assert "chain c_" not in script.partition("delete element")[0]
    assert script.startswith("delete element")


def test_a_rule_taken_away_takes_its_element() -> None:
    cloud = a_large_world()
    before = table(cloud)
    cloud.group("g", *(a_rule(100 + n, 2000 + n) for n in range(RULES - 1)))
    script = change(before, table(cloud))

    assert script.count("delete element") == 2
    assert "add element" not in script


def test_what_a_change_is_not_about_stays_the_same_object() -> None:
    cloud = a_large_world()
    before = table(cloud)
    with_another(cloud, 9)
    after = table(cloud)
    chains = {chain.name: chain for chain in before.chains}
    services = [c for c in after.chains if c.name[:2] in {"c_", "o_"}]
    same = [chain for chain in services if chains.get(chain.name) is chain]

    assert len(services) - len(same) == 2


def test_a_change_elsewhere_leaves_a_vcns_table_and_facts_alone() -> None:
    cloud = a_large_world()
    space, before = vcn_space("lab", cloud.vcn_id), fabric(cloud)
    cloud.vcn("other", "10.7.0.0/16")
    beside = cloud.security_list("beside", allow("egress"))
    subnet = cloud.subnet("else", "10.7.1.0/24", (beside,), cloud.table("t"))
    cloud.vnic("z", subnet, "10.7.1.5")
    after = fabric(cloud)

    assert after.tables[space] is before.tables[space]
    assert after.facts[space] == before.facts[space]


def test_a_new_name_of_a_group_is_no_change() -> None:
    cloud = a_large_world()
    before = table(cloud)
    group = cloud.world.find(NetworkSecurityGroup, an_id("networksecuritygroup", "g"))
    assert group is not None
    cloud.world = cloud.world.put(replace(group, display_name="new"))

    assert change(before, table(cloud)) == ""
    assert table(cloud) is before


def test_a_list_that_is_gone_makes_another_table() -> None:
    cloud = a_large_world()
    before = table(cloud)
    cloud.world = cloud.world.drop(an_id("networksecuritygroup", "g"))

    assert table(cloud) != before


def remembered(cloud: Cloud) -> tuple[object, ...]:
    """What is made once of a VCN while nothing changes: its ports, its router, its table."""
    vcn = cloud.world.find(Vcn, cloud.vcn_id)
    assert vcn is not None
    made = router(cloud.world, vcn)
    return (*ports_of(cloud.world, vcn), made, ruleset(cloud.world, made))


def test_of_a_vcn_that_has_gone_nothing_is_remembered() -> None:
    cloud = a_large_world()
    before = remembered(cloud)
    again = remembered(cloud)
    assert all(one is other for one, other in zip(before, again, strict=True))

    wanted(World.empty(), "lab")

    later = remembered(cloud)
    assert all(one is not other for one, other in zip(before, later, strict=True))
    assert before[:-1] == later[:-1]
