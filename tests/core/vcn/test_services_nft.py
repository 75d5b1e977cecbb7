"""Services as chains: what each kind of set is asked, and that equal ones are one."""

from builders_vcn import allow

from mooring.core.vcn.packets.services import EVERYTHING, allowed, without
from mooring.core.vcn.packets.services_nft import IPV4, Shelf

SSH = allowed([allow("ingress", "tcp", to="22")])


def rules(shelf: Shelf, verdict: str) -> tuple[str, ...]:
    return shelf.chains[verdict.removeprefix("jump ")].rules


def test_everything_needs_no_chain() -> None:
    shelf = Shelf()

    assert (shelf.packet(EVERYTHING), shelf.flow(EVERYTHING, IPV4)) == (
        "accept",
        "accept",
    )
    assert shelf.chains == {}


def test_equal_services_are_one_chain() -> None:
    shelf = Shelf()

    assert shelf.packet(SSH) == shelf.packet(SSH)
    assert len(shelf.chains) == 1


def test_a_packet_and_a_flow_are_asked_differently_of_one_set() -> None:
    shelf = Shelf()
    packet, flow = rules(shelf, shelf.packet(SSH)), rules(shelf, shelf.flow(SSH, IPV4))
    (name,) = shelf.sets

    assert packet == (f"meta l4proto . th dport @{name} accept",)
    assert flow == (
        f"meta l4proto icmp ct original protocol . ct original proto-dst @{name} accept",
        f"meta l4proto tcp ct original protocol . ct original proto-dst @{name} accept",
    )


def test_all_but_some_is_said_by_what_it_is_not() -> None:
    shelf = Shelf()
    most = without(EVERYTHING, SSH)

    assert rules(shelf, shelf.packet(most))[-1] == "meta l4proto != { tcp } accept"
    assert (
        rules(shelf, shelf.flow(most, IPV4))[-1]
        == "ct original protocol != { tcp } accept"
    )


def test_icmp_is_a_port_to_connection_tracking() -> None:
    shelf = Shelf()
    some = [
        allow("ingress", "icmp", icmp=(8, None)),
        allow("ingress", "icmp", icmp=(3, 4)),
    ]
    shelf.flow(allowed(some), IPV4)
    (found,) = shelf.sets.values()

    assert found.elements == ("icmp . 772", "icmp . 2048-2303")
