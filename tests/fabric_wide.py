"""Clouds of two VCNs, two DRGs, premises and services, in both families, that change by chance.

The game is that of `fabric_game`, on a wider field. TCP is played without its handshake, as a
connection that was there before: two routers on one way may have seen different parts of it.
No route leads in a circle.
"""

import random
from dataclasses import replace
from ipaddress import IPv4Address, ip_address

from builders_gateways import (
    about,
    attach,
    circuit,
    drg,
    drg_table,
    ipv6,
    peering,
    prefixes,
    remote_peering,
    service_gateway,
    table,
    tunnel,
)
from builders_vcn import Cloud, allow, an_id
from fabric_game import Game
from wiretap import ACK

from mooring.core.vcn.model import PublicIp, SecurityRule
from mooring.core.vcn.oracle_services import services
from mooring.core.vcn.packets.forwarding import Verdict
from mooring.core.vcn.packets.packet import INTERNET, Packet, Tuple, icmp, tcp, udp

NEAR, FAR = an_id("vcn", "near"), an_id("vcn", "far")
SITE, SGW = an_id("drgattachment", "site"), an_id("servicegateway", "sgw")
# A virtual circuit's premises, and those behind another DRG.
LINE, REMOTE = an_id("drgattachment", "line"), an_id("drgattachment", "remote")
PREMISES = (SITE, LINE, REMOTE)
DRG, NAT = an_id("drg", "drg"), an_id("natgateway", "nat")
RPC = an_id("drgattachment", "rpc-one")
IGW = an_id("internetgateway", "igw")
LPGS = {name: an_id("localpeeringgateway", name) for name in ("near", "far")}
BRANCHES = {name: an_id("drgattachment", name) for name in ("near", "far")}
NEAR6, FAR6, ULA = "2001:db8:4000::/56", "2001:db8:4000:100::/56", "fd12::/64"
BLOCK6 = "2001:db8:4000::1:0:0:0/80"

ADDRESSES = {
    "a": ("10.0.1.5", "2001:db8:4000::a"),
    "b": ("10.0.1.6", "10.0.1.77", "2001:db8:4000::b", "2001:db8:4000::1:0:0:7"),
    "c": ("10.0.2.7", "fd12::c"),
    "d": ("10.0.2.8", "10.0.2.66", "fd12::d"),
    "x": ("10.1.1.5", "2001:db8:4000:100::a"),
    "y": ("10.1.1.6", "10.1.1.40", "2001:db8:4000:100::b"),
    SITE: ("192.168.0.1", "192.168.0.9", "2001:db8:a::1", "2001:db8:a::9"),
    LINE: ("172.20.0.1", "172.20.0.9", "2001:db8:b::1"),
    REMOTE: ("172.24.0.1", "172.24.0.9", "2001:db8:c::1"),
    SGW: ("198.19.16.10", "198.19.0.2"),
    INTERNET: ("198.51.100.10", "203.0.113.7", "2001:db8:ffff::10", "2001:db8:9::7"),
}
VNICS = ("a", "b", "c", "d", "x", "y")
INSIDE = tuple(address for name in VNICS for address in ADDRESSES[name])
BESIDE = (SITE, SGW, INTERNET, LINE, REMOTE)
PLACES = (*INSIDE, *(a for key in BESIDE for a in ADDRESSES[key]))
UNUSED = ("10.0.1.200", "10.1.9.9", "10.9.9.9", "2001:db8:4000::9", "fd99::1")
FACES = ("198.18.0.1", "198.18.0.10", "198.18.0.11", "198.18.0.12")
PRIVATE = (*INSIDE, *(address for key in PREMISES for address in ADDRESSES[key]))

LABELS = tuple(each.label for each in services("local-1"))
GROUPS = {name: an_id("networksecuritygroup", name) for name in "ghq"}
PEERS = {
    4: (
        *("0.0.0.0/0", "0.0.0.0/0", "10.0.0.0/8", "10.0.1.0/24", "10.0.2.64/28"),
        *("10.1.0.0/16", "192.168.0.0/16", "198.51.100.0/24", *LABELS),
        *GROUPS.values(),
    ),
    6: (
        *("::/0", "::/0", "2001:db8:4000::/34", "2001:db8:4000::/64", BLOCK6),
        *(FAR6, ULA, "2001:db8:a::/48", "2001:db8:ffff::/48", *GROUPS.values()),
    ),
}
PORTS = (None, None, "22", "53-80", "80-443", "1-65535")
SOURCES = (None, None, None, "20000-21000", "21001-23999")
DPORTS = (22, 53, 80, 443)
WORDS = {4: "icmp", 6: "58"}
KINDS = {
    4: (None, None, (8, None), (8, 0), (0, None), (3, 4), (3, None)),
    6: (None, None, (128, None), (128, 0), (129, None), (2, 0), (1, None)),
}
SENT = {
    4: ((8, 0), (8, 0), (13, 0), (0, 0), (3, 1)),
    6: ((128, 0), (128, 0), (139, 1), (129, 0), (1, 4), (135, 0)),
}
ERRORS = {4: ((3, 4), (3, 4), (3, 1)), 6: ((2, 0), (2, 0), (1, 4))}
# For each table its destinations, and where each may lead.
HOPS = {a: an_id("privateip", a) for a in ("10.0.1.6", "10.0.2.8", "10.1.1.6")}
HOPS |= {a: an_id("ipv6", a) for a in ("2001:db8:4000::b", "2001:db8:4000:100::b")}
NEAR_HOP, NEAR_HOP6 = HOPS["10.0.1.6"], HOPS["2001:db8:4000::b"]
FAR_HOP, FAR_HOP6 = HOPS["10.1.1.6"], HOPS["2001:db8:4000:100::b"]
OUT4 = (NAT, NAT, IGW, IGW, NEAR_HOP, HOPS["10.0.2.8"])
FROM_NEAR = {
    "0.0.0.0/0": OUT4,
    "203.0.113.0/24": (*OUT4, DRG, LPGS["near"]),
    "10.1.0.0/16": (LPGS["near"], LPGS["near"], DRG, NEAR_HOP),
    "192.168.0.0/16": (DRG, DRG, DRG, LPGS["near"], NAT),
    "172.16.0.0/12": (DRG, DRG, DRG, LPGS["near"]),
    LABELS[0]: (SGW,),
    LABELS[1]: (SGW,),
    "::/0": (IGW, IGW, IGW, NEAR_HOP6, NAT),
    "2001:db8:9::/48": (IGW, NEAR_HOP6, DRG, LPGS["near"]),
    FAR6: (LPGS["near"], LPGS["near"], DRG, NEAR_HOP6, NEAR_HOP),
    "2001:db8:a::/48": (DRG, DRG, LPGS["near"]),
    "2001:db8:b::/48": (DRG,),
    "2001:db8:c::/48": (DRG,),
}
FROM_FAR = {
    "10.0.0.0/16": (LPGS["far"], LPGS["far"], DRG),
    "192.168.0.0/16": (DRG, DRG, FAR_HOP),
    "172.16.0.0/12": (DRG, DRG, LPGS["far"]),
    "198.19.0.0/16": (LPGS["far"], DRG),
    NEAR6: (LPGS["far"], LPGS["far"], DRG),
    ULA: (LPGS["far"], DRG, FAR_HOP6),
    "2001:db8:a::/48": (DRG,),
    "2001:db8:b::/48": (DRG,),
    "2001:db8:c::/48": (DRG,),
}
INTO_NEAR = {
    "192.168.0.0/16": (NEAR_HOP,),
    "203.0.113.0/24": (NEAR_HOP, NAT, HOPS["10.0.2.8"]),
    LABELS[0]: (SGW,),
    "2001:db8:9::/48": (NEAR_HOP6, IGW),
}
FROM_SERVICES = {"192.168.0.0/16": (DRG,), "10.1.0.0/16": (LPGS["near"], DRG)}
FROM_LPG = {
    "192.168.0.0/16": (DRG, FAR_HOP),
    "203.0.113.0/24": (FAR_HOP, DRG),
    "2001:db8:a::/48": (DRG, FAR_HOP6),
    "2001:db8:9::/48": (FAR_HOP6,),
}
FROM_DRG = {
    "10.0.0.0/16": (LPGS["far"],),
    "203.0.113.0/24": (FAR_HOP,),
    NEAR6: (LPGS["far"], FAR_HOP6),
}
# Of the internet's gateways: what came in is led by another VNIC.
FROM_INTERNET = {
    "10.0.2.0/24": (NEAR_HOP, NEAR_HOP, HOPS["10.0.2.8"]),
    "10.0.2.64/28": (NEAR_HOP, HOPS["10.0.2.8"]),
    "10.0.1.0/25": (NEAR_HOP,),
    "2001:db8:4000::/64": (NEAR_HOP6,),
    BLOCK6: (NEAR_HOP6, NEAR_HOP),
}
TABLES = {
    "internet": (NEAR, FROM_INTERNET),
    "answers": (NEAR, FROM_INTERNET),
    "one": (NEAR, FROM_NEAR),
    "two": (NEAR, FROM_NEAR),
    "far": (FAR, FROM_FAR),
    "into-near": (NEAR, INTO_NEAR),
    "services": (NEAR, FROM_SERVICES),
    "lpg": (FAR, FROM_LPG),
    "drg": (FAR, FROM_DRG),
}
IN_DRG = {
    "10.0.0.0/16": ("near",),
    "10.0.2.0/24": ("near", "far"),
    "10.1.0.0/16": ("far",),
    "192.168.0.0/16": ("site",),
    "172.20.0.0/16": ("line",),
    "172.24.0.0/16": ("rpc",),
    "198.19.0.0/16": ("near",),
    "203.0.113.0/24": ("near", "far", "site"),
    NEAR6: ("near",),
    ULA: ("near", "far"),
    FAR6: ("far",),
    "2001:db8:a::/48": ("site",),
    "2001:db8:b::/48": ("line",),
    "2001:db8:c::/48": ("rpc",),
}


class WideGame(Game):
    """A wide cloud that changes by chance, its packets, and what both judges remember."""

    def rule(self) -> SecurityRule:
        pick = self.chance.choice
        version = pick((4, 4, 6))
        protocol = pick(("all", "all", "tcp", "tcp", "udp", WORDS[version], "50"))
        has_ports = protocol in {"tcp", "udp"}
        peer = pick(PEERS[version])
        rule = allow(
            pick(("ingress", "egress")),
            protocol,
            peer,
            to=pick(PORTS) if has_ports else None,
            since=pick(SOURCES) if has_ports else None,
            icmp=pick(KINDS[version]) if protocol == WORDS[version] else None,
            stateless=self.chance.random() < 0.25,
        )
        return replace(rule, peer_type="SERVICE_CIDR_BLOCK") if peer in LABELS else rule

    def change(self) -> None:
        for change in self.chance.sample(CHANGES, self.chance.randint(1, 3)):
            change(self)
            self.cloud.vcn_id = NEAR

    def change_rules(self) -> None:
        book = self.chance.choice("lmghpq")
        self.cloud.vcn_id = FAR if book in "pq" else NEAR
        write = self.cloud.security_list if book in "lmp" else self.cloud.group
        write(book, *self.rules(8))

    def change_groups(self) -> None:
        for name in VNICS:
            those = "q" if name in "xy" else "gh"
            found = tuple(GROUPS[g] for g in those if self.chance.random() < 0.5)
            self.cloud.change(an_id("vnic", name), nsg_ids=found)

    def change_gateways(self) -> None:
        super().change_gateways()
        self.cloud.change(
            an_id("subnet", "one"),
            prohibit_internet_ingress=self.chance.random() < 0.3,
        )
        service_gateway(
            self.cloud,
            blocked=self.chance.random() < 0.15,
            storage=self.chance.random() < 0.15,
        )
        self.cloud.change(SGW, route_table_id=an_id("routetable", "services"))
        for gateway, name in ((IGW, "internet"), (NAT, "answers")):
            own = an_id("routetable", name) if self.chance.random() < 0.6 else None
            self.cloud.change(gateway, route_table_id=own)

    def change_doors(self) -> None:
        """Open and shut what joins the networks, and let it ask a table or not."""
        for name, id in LPGS.items():
            status = "PEERED" if self.chance.random() < 0.9 else "REVOKED"
            self.cloud.change(id, peering_status=status, route_table_id=self.door(name))
        status = "PEERED" if self.chance.random() < 0.9 else "REVOKED"
        self.cloud.change(
            an_id("remotepeeringconnection", "rpc-one"), peering_status=status
        )
        for name, id in BRANCHES.items():
            state = "ATTACHED" if self.chance.random() < 0.9 else "DETACHED"
            own = "drg" if name == "far" else "near"
            self.cloud.change(id, lifecycle_state=state, route_table_id=self.door(own))

    def door(self, name: str) -> str | None:
        tables = {"near": "into-near", "far": "lpg", "drg": "drg"}
        named = self.chance.random() < 0.8
        return an_id("routetable", tables[name]) if named else None

    def change_routes(self) -> None:
        for name in self.chance.sample(sorted(TABLES), 3):
            self.write(name)

    def write(self, name: str) -> None:
        self.cloud.vcn_id, ways = TABLES[name]
        some = [
            (destination, self.chance.choice(targets))
            for destination, targets in ways.items()
            if self.chance.random() < 0.85
        ]
        table(self.cloud, name, *some)
        self.cloud.vcn_id = NEAR

    def change_drg(self) -> None:
        """Write the DRG's tables; one learns, the others have what is written."""
        ids = {**BRANCHES, "site": SITE, "line": LINE, "rpc": RPC}
        for name, id in ids.items():
            some = [
                (destination, ids[self.chance.choice(those)])
                for destination, those in IN_DRG.items()
                if self.chance.random() < 0.9
            ]
            written = drg_table(self.cloud, f"drg-{name}", DRG, *some)
            learnt = an_id("drgroutetable", "drg")
            chosen = self.chance.choice((written, learnt))
            self.cloud.change(id, drg_route_table_id=chosen)

    def change_tables(self) -> None:
        """Give some addresses a route table of their own."""
        for id in (
            an_id("privateip", "10.0.1.77"),
            an_id("privateip", "10.0.2.64/28"),
            an_id("ipv6", BLOCK6),
            an_id("ipv6", "fd12::d"),
        ):
            tables = [an_id("routetable", name) for name in ("one", "two", "gone")]
            own = self.chance.choice((None, None, *tables))
            self.cloud.change(id, route_table_id=own)

    def change_addresses(self) -> None:
        """Let addresses and blocks move between the VNICs of a subnet."""
        for id, owners in (
            (an_id("privateip", "10.0.1.77"), "ab"),
            (an_id("privateip", "10.0.2.64/28"), "cd"),
            (an_id("ipv6", BLOCK6), "ab"),
            (an_id("ipv6", "fd12::d"), "cd"),
        ):
            self.cloud.change(id, vnic_id=an_id("vnic", self.chance.choice(owners)))

    def change_publics(self) -> None:
        """Move public addresses; one is an object that a secondary private IP has, or nobody."""
        super().change_publics()
        others = [an_id("privateip", a) for a in ("10.0.1.77", "10.0.1.5", "10.1.1.6")]
        public = PublicIp(
            id=an_id("publicip", "moving"),
            **about(
                "moving", self.chance.choice(("ASSIGNED", "ASSIGNED", "AVAILABLE"))
            ),
            ip_address=IPv4Address(FACES[3]),
            lifetime="RESERVED",
            scope="REGION",
            assigned_entity_id=self.chance.choice(others),
            assigned_entity_type="PRIVATE_IP",
        )
        self.cloud.world = self.cloud.world.put(public)

    # -- packets

    def error(self, at: str, about: Tuple) -> Packet:
        kind, code = self.chance.choice(ERRORS[about.source.version])
        ends = str(about.destination), str(about.source)
        return Packet(at, icmp(*ends, kind, code, 0), quoted=about)

    def fresh(self) -> Packet:
        pick = self.chance.choice
        beside = (SITE, LINE, REMOTE, *[INTERNET] * 4, SGW)
        name = pick((*VNICS, *VNICS, *VNICS, *beside))
        honest = self.chance.random() < 0.93
        source = pick(ADDRESSES[name] if honest else PLACES)
        version = ip_address(source).version
        targets = self.targets(name)
        target = pick([t for t in targets if ip_address(t).version == version])
        # Sources have ports of their own, for each public address as well: behind one
        # address they would clash, and the kernel would have to choose others.
        face = 0 if target not in FACES else 10 * FACES.index(target)
        number = 20000 + 100 * PLACES.index(source) + face + self.chance.randint(0, 3)
        origin = an_id("vnic", name) if name in VNICS else name
        return Packet(origin, self.head(source, number, target))

    def targets(self, name: str) -> tuple[str, ...]:
        if name == INTERNET:
            return (*FACES, *FACES, *FACES, *INSIDE, *UNUSED)
        beyond = (*ADDRESSES[SGW], *ADDRESSES[INTERNET])
        premises = [address for key in PREMISES for address in ADDRESSES[key]]
        if name in PREMISES:
            return (*INSIDE, *INSIDE, *beyond, *premises, *UNUSED)
        beyond = (*beyond, *ADDRESSES[INTERNET], *premises)
        return (*INSIDE, *beyond, *beyond, *UNUSED)

    def head(self, source: str, number: int, target: str) -> Tuple:
        pick = self.chance.choice
        version = ip_address(source).version
        match pick(("tcp", "tcp", "udp", "icmp", "other")):
            case "tcp":
                return tcp(source, number, target, pick(DPORTS))
            case "icmp":
                kind, code = pick(SENT[version])
                return icmp(source, target, kind, code, number)
            case "other" if version == 6 or {source, target} <= {*PRIVATE}:
                protocol = pick((50, 50, 1 if version == 6 else 58))
                ends = ip_address(source), ip_address(target)
                return Tuple(protocol, ends[0], 0, ends[1], 0)
            case _:
                return udp(source, number, target, pick(DPORTS))

    def flags(self, packet: Packet, wanted: Verdict) -> int:
        return ACK


CHANGES = [
    WideGame.change_rules,
    WideGame.change_rules,
    WideGame.change_rules,
    WideGame.change_groups,
    WideGame.change_gateways,
    WideGame.change_publics,
    WideGame.change_routes,
    WideGame.change_routes,
    WideGame.change_doors,
    WideGame.change_drg,
    WideGame.change_tables,
    WideGame.change_addresses,
]


def a_wide_game(chance: random.Random) -> WideGame:
    cloud = Cloud("10.0.0.0/16", "near")
    game = WideGame(
        chance, cloud, everywhere=("0.0.0.0/0", "::/0"), narrow=(SITE, REMOTE)
    )
    fence = (
        allow("ingress", "253", stateless=True),
        allow("egress", "253", stateless=True),
    )
    fenced = cloud.security_list("fence", *fence)
    lists = [cloud.security_list(name, *game.rules(14)) for name in ("l", "m")]
    groups = [cloud.group(name, *game.rules(9)) for name in ("g", "h")]
    tables = [cloud.table(name) for name in ("one", "two")]
    one = cloud.subnet("one", "10.0.1.0/24", (lists[0],), tables[0])
    two = cloud.subnet("two", "10.0.2.0/24", (lists[0], lists[1]), tables[1])
    apart = cloud.subnet("fence", "10.0.9.0/29", (fenced,), tables[0])
    prefixes(cloud, {"one": "2001:db8:4000::/64", "two": ULA}, NEAR6)
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
    service_gateway(cloud)
    attach(cloud, drg(cloud), NEAR, "near")
    tunnel(cloud, DRG, "site", "192.168.0.0/16", "2001:db8:a::/48")
    circuit(cloud, DRG, "line", "172.20.0.0/16", "2001:db8:b::/48")
    beyond = drg(cloud, "beyond")
    remote_peering(cloud, DRG, beyond)
    tunnel(cloud, beyond, "remote", "172.24.0.0/16", "2001:db8:c::/48")
    _far(game)
    for name, addresses in ADDRESSES.items():
        if name in VNICS:
            for address in addresses:
                if ":" in address and address != "2001:db8:4000::1:0:0:7":
                    ipv6(cloud, an_id("vnic", name), address)
    ipv6(cloud, b, BLOCK6)
    for name in TABLES:
        game.write(name)
    game.change_gateways()
    game.change_drg()
    game.change_doors()
    game.change_publics()
    return game


def _far(game: WideGame) -> None:
    """Add the other VCN, and what joins it with the first."""
    cloud = game.cloud
    cloud.vcn("far", "10.1.0.0/16")
    rules, group = cloud.security_list("p", *game.rules(14)), cloud.group("q")
    subnet = cloud.subnet("far", "10.1.1.0/24", (rules,), cloud.table("far"))
    prefixes(cloud, {"far": "2001:db8:4000:100::/64"}, FAR6)
    cloud.vnic("x", subnet, "10.1.1.5", groups=(group,))
    y = cloud.vnic("y", subnet, "10.1.1.6", skip_check=True)
    cloud.ip(y, "10.1.1.40")
    attach(cloud, DRG, FAR, "far")
    cloud.vcn_id = NEAR
    peering(cloud, (NEAR, "near"), (FAR, "far"))
