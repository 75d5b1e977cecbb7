"""What kinds of packets there are in a game: from where, by which way, to whom, and what became of them."""

from collections.abc import Iterator

from fabric_game import Game

from mooring.core.vcn.model import DrgAttachment, ServiceGateway, Vcn, Vnic
from mooring.core.vcn.packets.forwarding import Verdict, Word, track, verdict
from mooring.core.vcn.packets.packet import INTERNET, Packet, place
from mooring.core.vcn.packets.router import Hop, Router, router

EACH = (
    *("VNIC > VNIC", "VNIC > VNIC (answer)", "VNIC > VNIC (error)"),
    *("VNIC > VNIC for another", "VNIC > VNIC for another (error)"),
    *("VNIC > Peer > VNIC", "VNIC > Peer > VNIC (answer)", "VNIC > Drg > VNIC"),
    *("VNIC > Drg > site", "VNIC > Drg > site (answer)", "site > VNIC"),
    *("VNIC > Drg > line", "line > VNIC", "line > VNIC (answer)"),
    *("VNIC > Drg > remote", "remote > VNIC", "remote > VNIC (answer)"),
    *("site > VNIC (answer)", "site > VNIC (error)", "VNIC > Internet > internet"),
    *("internet > VNIC", "internet > VNIC (answer)", "internet > VNIC for another"),
    *("long", "too long, router is heard", "too long, DRG is heard"),
    *("dropped from VNIC", "dropped from VNIC (answer)", "dropped from internet"),
    *(
        "dropped from internet (answer)",
        "dropped from site",
        "dropped from VNIC (error)",
    ),
)
ONLY_IPV4 = (
    *("VNIC > Nat > internet", "VNIC > Nat > internet (error)"),
    *("internet > VNIC for another (answer)", "VNIC > Services > services"),
    *("services > VNIC (answer)", "services > VNIC (error)", "dropped from services"),
)
# What games must have had, to say something of every gateway in both families.
KINDS = frozenset(
    {f"IPv{family} {kind}" for family in (4, 6) for kind in EACH}
    | {f"IPv4 {kind}" for kind in ONLY_IPV4}
)


def kinds(game: Game, packet: Packet, found: Verdict) -> Iterator[str]:
    """Name the kinds to which a packet belongs, given its verdict."""
    family = f"IPv{packet.head.source.version}"
    if found.said is not None:
        known = track(game.cloud.world, game.flows, packet)
        told = verdict(game.cloud.world, known, found.said)
        speaker = "DRG" if ".drg." in found.said.origin else "router"
        yield f"{family} too long, {speaker} is {_became(told)}"
    if found.word is Word.DROP:
        yield f"{family} dropped from {_place(game, packet.origin)}{_part(game, packet)}"
        return
    ends = f"{_place(game, packet.origin)} > {_way(game, packet)}{_end(game, found)}"
    yield f"{family} {ends}{_part(game, packet)}"
    if packet.length:
        yield f"{family} long"


def _became(found: Verdict) -> str:
    return "heard" if found.word is Word.ACCEPT else "not heard"


def _part(game: Game, packet: Packet) -> str:
    """Tell answers and errors from first packets."""
    outsides = {flow.outside for flow in game.flows} | {None}
    vcns = [vcn.id for vcn in game.cloud.world.of(Vcn)]
    found = (place(game.flows, v, packet, each) for v in vcns for each in outsides)
    at = next((each for each in found if each is not None), None)
    if packet.quoted is not None:
        return " (error)"
    return " (answer)" if at is not None and at.is_reply else ""


def _place(game: Game, name: str) -> str:
    if name == INTERNET:
        return "internet"
    match game.cloud.world.get(name):
        case Vnic():
            return "VNIC"
        case ServiceGateway():
            return "services"
        case DrgAttachment() as one:
            return one.display_name
        case _:
            return "nobody"


def _way(game: Game, packet: Packet) -> str:
    """Name the way by which a VNIC's router sends it on."""
    vnic = game.cloud.world.find(Vnic, packet.origin)
    if vnic is None:
        return ""
    home, to = _home(game, vnic), packet.head.destination
    port = home.port_of(vnic.id)
    if port is None or home.inside(to):
        return ""
    way = home.way(port.table_for(packet.head.source), to)
    return "" if isinstance(way, Hop) else f"{type(way).__name__} > "


def _end(game: Game, found: Verdict) -> str:
    vnic = game.cloud.world.find(Vnic, found.to)
    if vnic is None or found.head is None:
        return _place(game, found.to)
    port = _home(game, vnic).port_of(vnic.id)
    is_its_own = port is not None and port.has(found.head.destination)
    return "VNIC" if is_its_own else "VNIC for another"


def _home(game: Game, vnic: Vnic) -> Router:
    vcn = game.cloud.world.find(Vcn, vnic.vcn_id)
    assert vcn is not None
    return router(game.cloud.world, vcn)
