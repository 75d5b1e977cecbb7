"""Clouds that change by chance, their packets, and what both judges remember of them."""

import random
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address

from builders_vcn import Cloud, allow, an_id
from wiretap import ACK, FENCE, SYN, SYN_ACK, WHOLE, Cut, Wiretap

from mooring.core.vcn.model import SecurityRule
from mooring.core.vcn.packets.forwarding import ROUTER, Verdict, Word, track, verdict
from mooring.core.vcn.packets.packet import (
    INTERNET,
    NO_FLOWS,
    Flows,
    Packet,
    Tuple,
    icmp,
    place,
    tcp,
    udp,
)

VNICS = ("a", "b", "c", "d")
ADDRESSES = {
    "a": ("10.0.1.5",),
    "b": ("10.0.1.6", "10.0.1.77"),
    "c": ("10.0.2.7",),
    "d": ("10.0.2.8", "10.0.2.66"),
}
OWN = tuple(address for each in ADDRESSES.values() for address in each)
OUTSIDE = ("198.51.100.10", "203.0.113.7", "192.0.2.9")
FACES = ("198.18.0.1", "198.18.0.10", "198.18.0.11")
PUBLIC_ONES = ADDRESSES["c"] + ADDRESSES["d"]
UNUSED = ("10.0.1.200", "10.0.200.1", "198.18.0.99")
PEERS = (
    "0.0.0.0/0",
    "10.0.0.0/16",
    "10.0.1.0/24",
    "10.0.2.64/28",
    "10.0.1.6/32",
    "198.51.100.0/24",
    an_id("networksecuritygroup", "g"),
    an_id("networksecuritygroup", "h"),
)
DPORTS = (22, 53, 80, 443)
PORTS = (None, "22", "53-80", "80-443", "1-65535")
SOURCES = (None, None, None, "20000-20150", "20101-20999")
KINDS = (None, None, (8, None), (8, 0), (0, None), (3, 4), (3, None))
ROUNDS, PACKETS = 12, 60
FORGET = 5  # rounds after which all is forgotten
CUT, LONG = 0.15, 0.15
# Drops behind the place where the kernel tracks connections.
TRACKED_DROPS = ("gress rule", "no private IP", "this flow behind", "no longer")


@dataclass
class Game:
    """A cloud that changes by chance, its packets, and what both judges remember."""

    chance: random.Random
    cloud: Cloud
    flows: Flows = NO_FLOWS
    answered: set[Tuple] = field(default_factory=set)
    sent: list[Packet] = field(default_factory=list)
    arrived: list[tuple[str, Tuple]] = field(default_factory=list)
    everywhere: tuple[str, ...] = ("0.0.0.0/0",)
    narrow: tuple[str, ...] = ()  # origins that are behind a link of 1500 bytes

    # -- the world

    def rule(self) -> SecurityRule:
        pick = self.chance.choice
        protocol = pick(("all", "tcp", "tcp", "udp", "icmp", "50"))
        has_ports = protocol in {"tcp", "udp"}
        return allow(
            pick(("ingress", "egress")),
            protocol,
            pick(PEERS),
            to=pick(PORTS) if has_ports else None,
            since=pick(SOURCES) if has_ports else None,
            icmp=pick(KINDS) if protocol == "icmp" else None,
            stateless=self.chance.random() < 0.3,
        )

    def rules(self, most: int) -> list[SecurityRule]:
        """Give some rules, and often one that lets everything pass one way."""
        some = [self.rule() for _ in range(self.chance.randint(0, most))]
        wide = [
            allow(direction, peer=peer)
            for direction, odds in (("egress", 0.4), ("ingress", 0.25))
            for peer in self.everywhere
            if self.chance.random() < odds
        ]
        return [*some, *wide]

    def change(self) -> None:
        """Change something, or much."""
        changes = self.chance.sample(CHANGES, self.chance.randint(1, 3))
        for change in changes:
            change(self)

    def change_rules(self) -> None:
        book = self.chance.choice(("l", "m", "g", "h"))
        write = self.cloud.security_list if book in "lm" else self.cloud.group
        write(book, *self.rules(6))

    def change_groups(self) -> None:
        for name in VNICS:
            groups = [g for g in ("g", "h") if self.chance.random() < 0.5]
            ids = tuple(an_id("networksecuritygroup", g) for g in groups)
            self.cloud.change(an_id("vnic", name), nsg_ids=ids)

    def change_gateways(self) -> None:
        self.cloud.internet(enabled=self.chance.random() < 0.8)
        self.cloud.nat("nat", FACES[0], blocked=self.chance.random() < 0.2)
        self.cloud.change(
            an_id("subnet", "two"),
            prohibit_internet_ingress=self.chance.random() < 0.2,
        )

    def change_publics(self) -> None:
        """Let two VNICs exchange their public addresses, or one give its up."""
        names = self.chance.sample("cd", 2)
        for name in names:
            self.cloud.change(an_id("vnic", name), public_ip=None)
        for name, face in zip(names, FACES[1:], strict=True):
            if self.chance.random() < 0.9:
                self.cloud.change(an_id("vnic", name), public_ip=IPv4Address(face))

    def change_routes(self) -> None:
        ways = (
            an_id("natgateway", "nat"),
            an_id("internetgateway", "igw"),
            an_id("privateip", "10.0.2.8"),
            an_id("privateip", "10.0.1.6"),
        )
        for table in ("one", "two"):
            some = [
                (destination, self.chance.choice(ways))
                for destination in ("0.0.0.0/0", "203.0.113.0/24", "192.0.2.8/29")
                if self.chance.random() < 0.8
            ]
            self.cloud.table(table, *some)

    def turn(self, number: int) -> bool:
        """Change between two rounds; tell whether all flows are forgotten, as after a long silence."""
        self.change()
        is_forgotten = number % FORGET == FORGET - 1
        if is_forgotten:
            self.flows = NO_FLOWS
            self.answered.clear()
        return is_forgotten

    # -- packets

    def packet(self) -> Packet:
        dice = self.chance.random()
        if dice < 0.45 or not self.arrived:
            return self.fresh()
        if dice < 0.55:
            return self.chance.choice(self.sent[-40:])
        at, head = self.chance.choice(self.arrived[-40:])
        if dice < 0.9:
            return Packet(at, head.inverse())
        return self.error(at, head)

    def error(self, at: str, about: Tuple) -> Packet:
        """Say that a packet which arrived did not fit, or something else."""
        code = self.chance.choice((4, 4, 4, 1))
        head = icmp(str(about.destination), str(about.source), 3, code, 0)
        return Packet(at, head, quoted=about)

    def fresh(self) -> Packet:
        pick = self.chance.choice
        name = pick((*VNICS, *VNICS, INTERNET))
        if name == INTERNET:
            source = pick(OUTSIDE if self.chance.random() < 0.9 else OWN)
            target = pick((*FACES, *FACES, UNUSED[2]))
        else:
            owner = name if self.chance.random() < 0.9 else pick(VNICS)
            source = pick(ADDRESSES[owner])
            inner = pick(OWN)
            target = pick((inner, inner, inner, pick(OUTSIDE), pick(UNUSED[:2])))
        # Sources have ports of their own, for each public address as well: behind one
        # address they would clash, and the kernel would have to choose others.
        place = [*OWN, *OUTSIDE].index(source)
        face = 0 if target not in FACES else 10 * FACES.index(target)
        number = 20000 + 100 * min(place, 9) + face + self.chance.randint(0, 3)
        origin = name if name == INTERNET else an_id("vnic", name)
        return Packet(origin, self.head(source, number, target))

    def head(self, source: str, number: int, target: str) -> Tuple:
        pick = self.chance.choice
        match pick(("tcp", "tcp", "udp", "icmp", "other")):
            case "tcp":
                return tcp(source, number, target, pick(DPORTS))
            case "udp":
                return udp(source, number, target, pick(DPORTS))
            case "icmp":
                kind, code = pick(((8, 0), (8, 0), (13, 0), (0, 0), (3, 1)))
                return icmp(source, target, kind, code, number)
            case _ if target in FACES or (target in OUTSIDE and source in PUBLIC_ONES):
                # A flow of such a protocol is known by addresses alone: behind a public
                # one that moves they would clash.
                return udp(source, number, target, pick(DPORTS))
            case _:
                ends = IPv4Address(source), IPv4Address(target)
                return Tuple(50, ends[0], 0, ends[1], 0)

    def flags(self, packet: Packet, wanted: Verdict) -> int:
        """TCP as its two ends would speak it; connection tracking cares.

        With what is outside, as a connection that was there before: its flows begin again whenever
        their way changes, in the middle of what the ends say.
        """
        if not {str(packet.head.source), str(packet.head.destination)} <= {*OWN}:
            return ACK
        at = place(self.flows, self.cloud.vcn_id, packet)
        if at is None or at.is_about:
            return SYN
        if at.flow.original in self.answered:
            return ACK
        tracked = any(words in wanted.reason for words in TRACKED_DROPS)
        if at.is_reply and (tracked or wanted.word is Word.ACCEPT):
            self.answered.add(at.flow.original)
        return SYN_ACK if at.is_reply else SYN

    def cut(self, packet: Packet) -> Cut:
        """Let some packets come in pieces: only the first of them has ports."""
        if packet.length or self.chance.random() > CUT:
            return WHOLE
        # Of IPv6 the first piece must have all headers (RFC 8200 4.5).
        sizes = (8, 24, 400) if packet.head.source.version == 4 else (24, 400)
        size = self.chance.choice(sizes)
        more = self.chance.randint(2, 4) * size
        return Cut(size, backwards=self.chance.random() < 0.5, more=more)

    def long(self, packet: Packet) -> Packet:
        """Let some packets be as long as a way may be, or longer."""
        if packet.quoted is not None or self.chance.random() > LONG:
            return packet
        # What is longer does not leave these.
        is_far = packet.origin == INTERNET or packet.origin in self.narrow
        lengths = (1500,) if is_far else (1500, 1501, 8000, 9000)
        return replace(packet, length=self.chance.choice(lengths))

    def heard(self, wanted: Verdict) -> dict[str, Tuple]:
        """Say where what a router says of a packet, which it knows now, should have come out."""
        if wanted.said is None:
            return {}
        told = verdict(self.cloud.world, self.flows, wanted.said)
        if told.word is Word.DROP or told.head is None:
            return {}
        return {told.to: told.head}

    def play(self, wire: Wiretap) -> None:
        """Send one packet and ask both judges."""
        packet = self.long(self.packet())
        wanted = verdict(self.cloud.world, self.flows, packet)
        if wanted.to == ROUTER:
            return
        came = wire.send(packet, self.flags(packet, wanted), self.cut(packet))
        accepted = wanted.word is Word.ACCEPT
        assert came == ({wanted.to: wanted.head} if accepted else {}), (
            packet,
            wanted,
            place(self.flows, self.cloud.vcn_id, packet),
        )
        self.remember(packet, wanted)
        told = self.heard(wanted)
        assert wire.said == told, (packet, wanted, told)

    def rehearse(self) -> tuple[Packet, Verdict]:
        """Draw what `play` would send, and ask the model alone."""
        packet = self.long(self.packet())
        wanted = verdict(self.cloud.world, self.flows, packet)
        if wanted.to != ROUTER:
            self.cut(packet)
            self.remember(packet, wanted)
        return packet, wanted

    def remember(self, packet: Packet, wanted: Verdict) -> None:
        """Know what a packet began, and that it was there."""
        self.flows = track(self.cloud.world, self.flows, packet)
        self.sent.append(packet)
        if wanted.word is Word.ACCEPT and wanted.head is not None:
            self.arrived.append((wanted.to, wanted.head))


CHANGES = [
    Game.change_rules,
    Game.change_rules,
    Game.change_rules,
    Game.change_groups,
    Game.change_gateways,
    Game.change_publics,
    Game.change_routes,
]


def a_game(chance: random.Random) -> Game:
    cloud = Cloud()
    game = Game(chance, cloud)
    fence = (
        allow("ingress", "253", stateless=True),
        allow("egress", "253", stateless=True),
    )
    fenced = cloud.security_list("fence", *fence)
    lists = [cloud.security_list(name, *game.rules(8)) for name in ("l", "m")]
    groups = [cloud.group(name, *game.rules(5)) for name in ("g", "h")]
    tables = [cloud.table(name) for name in ("one", "two")]
    one = cloud.subnet("one", "10.0.1.0/24", (lists[0],), tables[0])
    two = cloud.subnet("two", "10.0.2.0/24", (lists[0], lists[1]), tables[1])
    apart = cloud.subnet("fence", "10.0.9.0/29", (fenced,), tables[0])
    cloud.vnic("a", one, "10.0.1.5", groups=(groups[0],))
    b = cloud.vnic("b", one, "10.0.1.6", groups=tuple(groups), skip_check=True)
    cloud.ip(b, "10.0.1.77")
    cloud.vnic("c", two, "10.0.2.7", public=FACES[1])
    d = cloud.vnic("d", two, "10.0.2.8", groups=(groups[1],), public=FACES[2])
    cloud.ip(d, "10.0.2.64/28")
    cloud.vnic("f1", apart, "10.0.9.2")
    cloud.vnic("f2", apart, "10.0.9.3")
    cloud.nat("nat", FACES[0])
    cloud.internet()
    game.change_routes()
    return game


def a_fence() -> tuple[str, Packet]:
    ends = IPv4Address("10.0.9.2"), IPv4Address("10.0.9.3")
    head = Tuple(FENCE, ends[0], 0, ends[1], 0)
    return an_id("vnic", "f2"), Packet(an_id("vnic", "f1"), head)
