"""Route tables of internet and NAT gateways: what comes in passes another VNIC first."""

import pytest
from builders_gateways import table
from builders_guard import (
    C6,
    FACE,
    IGW,
    NAT,
    PUBLIC,
    SERVER,
    SERVER6,
    A,
    B,
    C,
    a_guarded_world,
)
from builders_vcn import Cloud, allow, an_id

from mooring.core.linux.nft import Table
from mooring.core.vcn.packets import names
from mooring.core.vcn.packets.fabric import wanted
from mooring.core.vcn.packets.forwarding import Verdict, Word, track, verdict
from mooring.core.vcn.packets.packet import INTERNET, NO_FLOWS, Packet, tcp

COMES = Packet(INTERNET, tcp(SERVER, 4000, PUBLIC, 80))
COMES6 = Packet(INTERNET, tcp(SERVER6, 4000, C6, 80))
GOES = Packet(A, tcp("10.0.1.5", 4000, SERVER, 80))


def judged(cloud: Cloud, packet: Packet, *before: Packet) -> Verdict:
    flows = NO_FLOWS
    for each in before:
        flows = track(cloud.world, flows, each)
    return verdict(cloud.world, flows, packet)


def test_what_comes_to_a_public_address_passes_the_guard() -> None:
    found = judged(a_guarded_world(), COMES)

    assert (found.to, found.head) == (B, tcp(SERVER, 4000, "10.0.2.7", 80))


def test_what_the_guard_lets_on_arrives_and_is_answered() -> None:
    cloud = a_guarded_world()
    cloud.table("one", ("0.0.0.0/0", IGW))
    onward = Packet(B, tcp(SERVER, 4000, "10.0.2.7", 80))
    answer = Packet(C, onward.head.inverse())
    back = Packet(B, answer.head)

    assert judged(cloud, onward, COMES).to == C
    assert judged(cloud, answer, COMES, onward).to == B
    found = judged(cloud, back, COMES, onward, answer)
    assert (found.to, found.head) == (INTERNET, COMES.head.inverse())


def test_an_answer_by_a_nat_gateway_passes_the_guard() -> None:
    cloud = a_guarded_world()
    answer = Packet(INTERNET, tcp(SERVER, 80, FACE, 4000))
    found = judged(cloud, answer, GOES)

    assert judged(cloud, GOES).head == answer.head.inverse()
    # What did not pass it on its way out is stopped by its rules only if they say so.
    assert (found.to, found.head) == (B, GOES.head.inverse())


def test_ipv6_passes_the_guard_too() -> None:
    assert judged(a_guarded_world(), COMES6).to == B


@pytest.mark.parametrize("packet", [COMES, COMES6])
def test_where_no_route_fits_it_goes_to_the_address(packet: Packet) -> None:
    cloud = a_guarded_world()
    table(cloud, "guard", ("10.0.9.0/24", an_id("privateip", "10.0.1.6")))

    assert judged(cloud, packet).to == C


@pytest.mark.parametrize("packet", [COMES, COMES6])
def test_a_guard_that_is_gone_lets_nothing_in(packet: Packet) -> None:
    cloud = a_guarded_world()
    cloud.unplug("b")

    assert judged(cloud, packet).reason.startswith("nothing is plugged in")


def test_the_guards_own_rules_judge_what_comes_to_it() -> None:
    cloud = a_guarded_world()
    cloud.change(an_id("securitylist", "open"), rules=(allow("egress"),))

    found = judged(cloud, COMES)

    assert found.word is Word.DROP
    assert "no ingress rule of VNIC b" in found.reason


def test_a_table_of_the_internets_leads_nowhere_but_to_vnics() -> None:
    cloud = a_guarded_world()
    table(cloud, "guard", ("10.0.0.0/16", NAT))

    assert judged(cloud, COMES).reason == (
        "what comes in from the internet is led to VNICs only"
    )


def test_what_is_behind_an_address_that_is_gone_gets_nothing() -> None:
    cloud = a_guarded_world()
    cloud.change(NAT, route_table_id=None)
    stray = Packet(INTERNET, tcp(SERVER, 80, FACE, 4001))

    assert judged(cloud, stray, GOES).word is Word.DROP


# -- the kernel's


def compiled(cloud: Cloud) -> Table:
    return wanted(cloud.world, "x").tables[names.vcn_space("x", cloud.vcn_id)]


def rules(table: Table, name: str) -> tuple[str, ...]:
    return next(chain.rules for chain in table.chains if chain.name == name)


def test_a_mark_says_by_which_table_an_address_is_asked_once_it_is_translated() -> None:
    found = compiled(a_guarded_world())
    arrivals = next(s for s in found.sets if s.name == "arrivals")
    ((mark, _, verdict),) = (each.partition(" : goto ") for each in arrivals.elements)
    openings = next(s for s in found.sets if s.name == "open").elements
    zoned = [rules(found, text.partition(" : goto ")[2]) for text in openings]

    assert [rule.startswith(f"meta mark set {mark} ") for (rule,) in zoned] == [
        True
    ] * 2
    assert rules(found, verdict)[-1] == "meta mark set 0x00000000"


def test_without_tables_nothing_is_asked() -> None:
    cloud = a_guarded_world()
    for gateway in (IGW, NAT):
        cloud.change(gateway, route_table_id=None)

    assert "arrivals" not in {chain.name for chain in compiled(cloud).chains}


def test_where_the_guard_is_gone_the_kernel_drops() -> None:
    cloud = a_guarded_world()
    cloud.unplug("b")
    texts = [each for found in compiled(cloud).sets for each in found.elements]

    assert "10.0.0.0-10.0.255.255 : drop" in texts
