"""Services as chains: what each kind of set is asked, and that equal ones are one."""

from builders_vcn import allow

from mooring.core.linux.nft import Chain
from mooring.core.vcn.packets.services import EVERYTHING, allowed, without
from mooring.core.vcn.packets.services_nft import (
    IPV4,
    Compiled,
    Shelf,
    flow_chain,
    packet_chain,
)

SSH = allowed([allow("ingress", "tcp", to="22")])


def rules(compiled: Compiled) -> tuple[str, ...]:
    return compiled[0].rules


def test_equal_services_are_one_chain() -> None:
    shelf = Shelf()
    shelf.put_all(packet_chain(SSH))
    shelf.put_all(packet_chain(SSH))

    assert len(shelf.chains) == len(shelf.sets) == 1


def test_what_is_kept_already_stays_as_it_is() -> None:
    shelf, compiled = Shelf(), packet_chain(SSH)
    shelf.put_all(compiled)
    shelf.put_all((Chain(compiled[0].name), ()))

    assert shelf.chains[compiled[0].name] is compiled[0]


def test_a_packet_and_a_flow_are_asked_differently_of_one_set() -> None:
    shelf = Shelf()
    packet, flow = packet_chain(SSH), flow_chain(SSH, IPV4)
    shelf.put_all(packet)
    shelf.put_all(flow)
    (name,) = shelf.sets

    assert rules(packet) == (f"meta l4proto . th dport @{name} accept",)
    assert rules(flow) == (
        f"meta l4proto icmp ct original protocol . ct original proto-dst @{name} accept",
        f"meta l4proto tcp ct original protocol . ct original proto-dst @{name} accept",
    )


def test_all_but_some_is_said_by_what_it_is_not() -> None:
    most = without(EVERYTHING, SSH)

    assert rules(packet_chain(most))[-1] == "meta l4proto != { tcp } accept"
    assert rules(flow_chain(most, IPV4))[-1] == "ct original protocol != { tcp } accept"


def test_icmp_is_a_port_to_connection_tracking() -> None:
    some = [
        allow("ingress", "icmp", icmp=(8, None)),
        allow("ingress", "icmp", icmp=(3, 4)),
    ]
    _, (found,) = flow_chain(allowed(some), IPV4)

    assert found.elements == ("icmp . 772", "icmp . 2048-2303")
