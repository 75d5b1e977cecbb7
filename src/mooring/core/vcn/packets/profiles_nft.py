"""Profiles as nft: for each two chains and family, what may go out and what may come in.

A packet passes by what it is, or as an answer by the flow that it belongs to: one look-up of
the peer and one of the service each, however many rules there are.
"""

from collections.abc import Iterator

from mooring.core.linux.nft import Chain
from mooring.core.vcn.packets.profiles import Classes, Profile
from mooring.core.vcn.packets.services_nft import IPV4, Family, Shelf, intervals

TOO_BIG = {
    4: "ct state related icmp type 3 icmp code 4",
    6: "ct state related icmpv6 type packet-too-big",
}


def profile_chains(shelf: Shelf, profile: Profile, family: Family) -> None:
    """Put what VNICs of a profile may send (`e_…`) and get (`i_…`)."""
    egress, ingress, tracked_out, tracked_in = _classes(profile, family)
    flows_in = _peers(tracked_in, shelf, family, of_flows=True)
    flows_out = _peers(tracked_out, shelf, family, of_flows=True)
    packets_out = _peers(egress, shelf, family, of_flows=False)
    packets_in = _peers(ingress, shelf, family, of_flows=False)
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


def _peers(classes: Classes, shelf: Shelf, family: Family, *, of_flows: bool) -> str:
    """Keep the map from peers to what they may do; give its name, none for none."""
    elements: list[str] = []
    for low, high, services in classes:
        word = shelf.flow(services, family) if of_flows else shelf.packet(services)
        elements.append(f"{family.stretch(low, high)} : {word}")
    return intervals(shelf, "m", family, elements) if elements else ""
