"""Profiles as nft: for each two chains and family, what may go out and what may come in.

A packet passes by what it is, or as an answer by the flow that it belongs to: one look-up of
the peer and one of the service each, however many rules there are.

A profile's maps by peer keep their names, so that a changed rule changes elements: those of the
peers that it is about. What an element says is remembered, as long as its services are the same object.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from mooring.core.linux.nft import Chain, NamedSet
from mooring.core.vcn.packets.profiles import Classes, Profile
from mooring.core.vcn.packets.same import Same
from mooring.core.vcn.packets.services import EVERYTHING, Services
from mooring.core.vcn.packets.services_nft import (
    INTERVAL,
    IPV4,
    IPV6,
    Compiled,
    Family,
    Shelf,
    flow_chain,
    packet_chain,
)

TOO_BIG = {
    4: "ct state related icmp type 3 icmp code 4",
    6: "ct state related icmpv6 type packet-too-big",
}
FAMILIES = {4: IPV4, 6: IPV6}
PACKETS, FLOWS = "packets", "flows"
REMEMBERED = 1 << 15  # elements that are not written again


def profile_chains(shelf: Shelf, profile: Profile, family: Family) -> None:
    """Put what VNICs of a profile may send (`e_…`) and get (`i_…`)."""
    egress, ingress, tracked_out, tracked_in = _classes(profile, family)
    maps = _Maps(shelf, profile.name, family)
    flows_in = maps.put("ingress", FLOWS, tracked_in)
    flows_out = maps.put("egress", FLOWS, tracked_out)
    packets_out = maps.put("egress", PACKETS, egress)
    packets_in = maps.put("ingress", PACKETS, ingress)
    word, too_big = family.word, TOO_BIG[family.version]
    reply = f"ct direction reply ct original {word}"
    began = f"ct direction original ct original {word}"
    out = [
        *_asked(f"{word} daddr", packets_out),
        *_asked(f"ct state established {reply} saddr", flows_in),
        *_asked(f"{too_big} {reply} saddr", flows_in),
        *_asked(f"{too_big} {began} daddr", flows_out),
    ]
    into = [
        *_asked(f"{word} saddr", packets_in),
        *_asked(f"ct state established {reply} daddr", flows_out),
        *_asked(f"{too_big} {reply} daddr", flows_out),
        *_asked(f"{too_big} {began} saddr", flows_in),
    ]
    shelf.put(Chain(f"e{family.suffix}_{profile.name}", tuple(out)))
    shelf.put(Chain(f"i{family.suffix}_{profile.name}", tuple(into)))


def _classes(
    profile: Profile, family: Family
) -> tuple[Classes, Classes, Classes, Classes]:
    if family is IPV4:
        return (
            profile.egress,
            profile.ingress,
            profile.tracked_egress,
            profile.tracked_ingress,
        )
    return (
        profile.egress6,
        profile.ingress6,
        profile.tracked_egress6,
        profile.tracked_ingress6,
    )


def _asked(question: str, peers: str) -> Iterator[str]:
    if peers:
        yield f"{question} vmap @{peers}"


@dataclass(frozen=True, slots=True)
class _Maps:
    """The maps of one profile from peers to what they may do."""

    shelf: Shelf
    profile: str
    family: Family

    def put(self, direction: str, of: str, classes: Classes) -> str:
        """Put a map; give its name, none for none."""
        if not classes:
            return ""
        version = self.family.version
        elements: list[str] = []
        for low, high, services in classes:
            text, compiled = _element(low, high, Same(services), of, version)
            elements.append(text)
            if compiled is not None:
                self.shelf.put_all(compiled)
        name = f"m{self.family.suffix}_{self.profile}_{direction}_{of}"
        given = tuple(elements)
        return self.shelf.put(
            NamedSet(name, self.family.key, "verdict", INTERVAL, given)
        )


@lru_cache(REMEMBERED)
def _element(
    low: int, high: int, services: Same[Services], of: str, version: int
) -> tuple[str, Compiled | None]:
    """Write what addresses may do, and compile the chain to which that leads."""
    family = FAMILIES[version]
    if services.value == EVERYTHING:
        return f"{family.stretch(low, high)} : accept", None
    value = services.value
    compiled = flow_chain(value, family) if of == FLOWS else packet_chain(value)
    return f"{family.stretch(low, high)} : jump {compiled[0].name}", compiled
