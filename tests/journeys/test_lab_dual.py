"""A lab with both families: pods on two nodes over IPv6, each as itself, and nothing left."""

from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from pathlib import Path

import pytest
from journeys.lab_cli import Lab, a_lab, unique
from patience import until

PODS4 = IPv4Network("10.0.32.0/19")
PODS6 = IPv6Network("fd00:6d6f:6f72:3::/64")
PORT = 8080
SERVER = """\
import socket, threading
stream = socket.create_server(("", 8080), family=socket.AF_INET6)
datagrams = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
datagrams.bind(("", 8080))
def answer():
    while True:
        data, peer = datagrams.recvfrom(9000)
        datagrams.sendto(peer[0].encode().ljust(len(data)), peer)
threading.Thread(target=answer, daemon=True).start()
while True:
    client, peer = stream.accept()
    with client:
        client.sendall(peer[0].encode())
"""
CLIENT = """\
import socket, sys
kind, host, size = sys.argv[1], sys.argv[2], int(sys.argv[3])
kinds = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}
with socket.socket(socket.AF_INET6, kinds[kind]) as s:
    s.settimeout(120)
    s.connect((host, 8080))
    if kind == "udp":
        s.send(b"x" * size)
    print(s.recv(9000).decode().strip())
"""
WAIT = (
    '"$@" >/dev/null 2>&1 </dev/null & tries=0;'
    " until ss -Hltn 'sport = :8080' | grep -q 8080;"
    " do tries=$((tries + 1)); [ $tries -lt 1800 ] || exit 1; sleep 0.1; done"
)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    wish = tmp_path_factory.mktemp("dual") / "lab.yaml"
    wish.write_text("ipFamilies: [IPv4, IPv6]\n")
    with a_lab(unique("d")) as made:
        made.do("up", "-f", str(wish))
        made.do("pod", "run", "web", "--node", "node-1")
        made.do("pod", "run", "client", "--node", "node-2")
        made.do("exec", "web", "--", "sh", "-c", WAIT, "-", "python3", "-c", SERVER)
        yield made


def both(lab: Lab, pod: str) -> tuple[str, str]:
    (found,) = (p for p in lab.read("pod", "ls") if p["name"] == pod)
    four, six = found["addresses"]
    assert found["address"] == four
    return four, six


def ask(lab: Lab, kind: str, host: str, size: int = 1) -> str:
    words = ("exec", "client", "--", "python3", "-c", CLIENT, kind, host, str(size))
    return lab.do(*words).strip()


def agent_log(lab: Lab, node: str) -> str:
    return (lab.path / f"nodes/{node}/log/agent.log").read_text()


def test_every_node_is_ready_in_both_families(lab: Lab) -> None:
    for node in lab.read("status")["nodes"]:
        assert (node["state"], node["trouble"]) == ("ready", "")
        (vnic,) = node["vnics"]
        assert (vnic["families"], vnic["addresses"]) == (["IPv4", "IPv6"], 31)


def test_a_pod_has_an_address_of_each_family_alone_in_its_prefix(lab: Lab) -> None:
    four, six = both(lab, "web")

    assert ip_address(four) in PODS4
    assert ip_address(six) in PODS6
    shown = lab.do("exec", "web", "--", "ip", "-o", "addr", "show", "dev", "eth0")
    assert f"{four}/32" in shown
    assert f"{six}/128" in shown
    assert "tentative" not in shown


@pytest.mark.parametrize("family", ["IPv4", "IPv6"])
def test_pods_ping_each_other_by_either_family(lab: Lab, family: str) -> None:
    pinged = lab.read("ping", "client", "web", "--family", family)

    assert (pinged["sent"], pinged["received"]) == (5, 5)
    assert ip_address(pinged["address"]).version == int(family[-1])


@pytest.mark.parametrize(
    ("kind", "size"), [("tcp", 1), ("udp", 1), ("udp", 8900)], ids=str
)
def test_a_pod_is_seen_as_itself_across_nodes(lab: Lab, kind: str, size: int) -> None:
    _, web = both(lab, "web")
    _, client = both(lab, "client")

    assert IPv6Address(ask(lab, kind, web, size)) == IPv6Address(client)


def test_a_pod_is_good_at_once(lab: Lab) -> None:
    _, web = both(lab, "web")
    for n in range(3):
        lab.do("pod", "run", f"quick-{n}", "--node", "node-2")
        words = ("exec", f"quick-{n}", "--", "python3", "-c", CLIENT, "tcp", web, "1")
        assert lab.do(*words).strip() == both(lab, f"quick-{n}")[1]
        lab.do("pod", "rm", f"quick-{n}")


def test_a_killed_agent_finds_both_families_again(lab: Lab) -> None:
    before = both(lab, "web")
    lab.kill("node-1/agent")
    lab.do("up")
    until(lambda: lab.read("status")["nodes"][0]["state"] == "ready", "the node")

    assert both(lab, "web") == before
    assert lab.read("ping", "client", "web", "--family", "IPv6")["received"] == 5


def test_nothing_drifts_by_itself(lab: Lab) -> None:
    for node in ("node-1", "node-2"):
        assert " repaired " not in agent_log(lab, node)
        assert "refused" not in agent_log(lab, node)


def test_a_pod_without_a_family_cannot_be_pinged_by_it(tmp_path: Path) -> None:
    wish = tmp_path / "lab.yaml"
    wish.write_text("ipFamilies: [IPv6]\nnodes: 1\n")
    with a_lab(unique("s")) as six:
        six.do("up", "-f", str(wish))
        six.do("pod", "run", "a")
        six.do("pod", "run", "b")

        assert ip_address(six.addresses()["a"]) in PODS6
        assert six.read("ping", "a", "b")["received"] == 5
        refused = six.run("ping", "a", "b", "--family", "IPv4")
        assert refused.returncode == 1
        assert "pod b has no IPv4 address" in refused.stderr
        wish.write_text("ipFamilies: [IPv4]\n")
        changed = six.run("up", "-f", str(wish))
        assert "ipFamilies: 'IPv4': the lab stands with IPv6" in changed.stderr
        six.do("down")
        assert six.traces() == []
