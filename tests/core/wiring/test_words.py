"""Facts in the words of `ip`."""

from ipaddress import IPv4Address, IPv4Interface, IPv4Network

import pytest

from mooring.core.linux.plan import (
    HOST,
    POD,
    Address,
    End,
    Fact,
    LinkUp,
    Neighbour,
    Route,
    Rule,
    Sysctl,
    Veth,
)
from mooring.core.wiring.words import say

EVERYWHERE = IPv4Network("0.0.0.0/0")
ROUTER = IPv4Address("10.0.8.1")


@pytest.mark.parametrize(
    ("fact", "words"),
    [
        (
            Veth(End(HOST, "moor1", "", 9000), End(POD, "eth0", "", 9000)),
            "veth moor1 to eth0",
        ),
        (LinkUp(POD, "lo"), "link lo up in the pod"),
        (LinkUp(HOST, "ens5", 9000), "link ens5 up mtu 9000"),
        (
            Address(HOST, "ens5", IPv4Interface("10.0.8.2/32")),
            "address 10.0.8.2/32 on ens5",
        ),
        (
            Route(HOST, EVERYWHERE, "ens5", gateway=ROUTER, table=7001),
            "route 0.0.0.0/0 via 10.0.8.1 on ens5 in table 7001",
        ),
        (Route(HOST, EVERYWHERE, kind="blackhole"), "route blackhole 0.0.0.0/0"),
        (
            Rule(HOST, 510, 4, 7001, mark=0x10000, mask=0x7F0000),
            "rule 510 for mark 0x10000 to table 7001",
        ),
        (Rule(HOST, 500, 4, 254, suppress_prefixlength=31), "rule 500 to table 254"),
        (
            Neighbour(POD, "eth0", ROUTER, "02:00:00:00:00:01"),
            "neighbour 10.0.8.1 at 02:00:00:00:00:01 on eth0 in the pod",
        ),
        (Sysctl(HOST, "net/ipv4/ip_forward", "1"), "setting net/ipv4/ip_forward=1"),
    ],
)
def test_a_fact_reads_as_a_line(fact: Fact, words: str) -> None:
    assert say(fact) == words
