"""What is taken away behind Mooring's back comes back; under a running pod it is told, and the next one is whole."""

import json
from ipaddress import ip_address
from typing import Any

from kubernetes.cloud import Cloud
from kubernetes.cluster import Space, a_pod, addresses, offered, ready, url
from patience import until


def test_an_address_deleted_behind_our_back_is_replaced(
    space: Space, cloud: Cloud
) -> None:
    node = space.cluster.workers()[0]
    before = space.cluster.npn_of(node)
    vnic = before["status"]["vnics"][0]
    count = len(offered(before))

    gone = cloud.delete_an_address(vnic["vnicId"], keep=in_use(space))

    def repaired() -> bool:
        now = space.cluster.npn_of(node)
        found = offered(now)
        return (
            now["status"]["state"] == "SUCCESS"
            and len(found) == count
            and not (found & gone) - cloud.addresses(vnic["vnicId"])
        )

    until(repaired, f"{count} addresses again after {sorted(gone)} went")
    space.apply(a_pod("after", node))
    (pod,) = space.await_pods(1)
    assert addresses(pod)[0] in offered(space.cluster.npn_of(node))


def test_an_address_deleted_from_under_a_running_pod_is_told_and_its_successor_is_whole(
    space: Space, cloud: Cloud, families: tuple[str, ...]
) -> None:
    """The pod keeps what its runtime was told, as decided; nobody else gets it."""
    cluster = space.cluster
    node, other = cluster.workers()[:2]
    space.apply(a_pod("web", node), a_pod("client", other))
    space.await_pods(2)
    until(lambda: audit(space) == set(), "nothing that differs before")
    victim = space.pod("web")
    before = cluster.npn_of(node)
    vnic, lost = held(before, addresses(victim))
    count = len(offered(before))

    cloud.delete_the_object_of(vnic, lost)

    def replaced() -> bool:
        now = cluster.npn_of(node)
        if now["status"]["state"] != "SUCCESS" or len(offered(now)) != count:
            return False
        if lost in offered(now):
            # Told of before the cloud was looked at; or the cloud, which draws at random,
            # gave the very same again.
            cloud.delete_the_object_of(vnic, lost)
            return False
        return True

    until(replaced, f"{count} addresses without {lost}")
    until(lambda: ("lease-not-in-cloud", lost) in audit(space), "a word of the audit")
    assert ready(space.pod("web"))
    assert set(addresses(space.pod("web"))) == set(addresses(victim))

    space.apply(a_pod("beside", node))
    (beside,) = space.await_pods(1, "app=beside")
    assert lost not in addresses(beside)
    cluster.kubectl("delete", "pod", "web", "-n", space.name, "--wait=true")
    space.apply(a_pod("web", node))
    (after,) = space.await_pods(1, "app=web")
    assert lost not in addresses(after)
    assert set(addresses(after)) <= offered(cluster.npn_of(node))
    for address in addresses(after):
        page = url(address, "hostname")
        found = until(lambda page=page: space.fetched("client", page), page)
        assert found == "web"
    until(lambda: audit(space) == set(), "nothing that differs after")


def audit(space: Space) -> set[tuple[str, str]]:
    """Give the codes and names of what differs on any node, and of what could not be looked at."""
    lab = space.cluster.lab
    done = space.cluster.ask_mooring("audit", "--lab", lab, "-o", "json")
    assert done.stdout, done.stderr
    nodes = json.loads(done.stdout)["nodes"]
    assert len(nodes) == len(space.cluster.workers())
    return {
        *((d["code"], d["name"]) for each in nodes for d in each["differences"]),
        *((side, why) for each in nodes for side, why in each["blind"].items()),
    }


def held(npn: dict[str, Any], known: list[str]) -> tuple[str, str]:
    """Give the VNIC of a pod's IPv4 address, or else of its first one, and the address."""
    address = next((a for a in known if ":" not in a), known[0])
    for vnic in npn["status"]["vnics"]:
        values = {v for pair in vnic["podAddresses"] for v in pair.values()}
        if ip_address(address) in map(ip_address, values):
            return vnic["vnicId"], address
    raise AssertionError(f"no VNIC has {address}")


def in_use(space: Space) -> set[str]:
    """Give the addresses of all pods."""
    return {a for pod in space.cluster.items("pods", "-A") for a in addresses(pod)}
