"""What is taken away behind Mooring's back comes back, or its pod does not keep it."""

from kubernetes.cloud import Cloud
from kubernetes.cluster import Space, a_pod, addresses, offered, until


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


def in_use(space: Space) -> set[str]:
    """Give the addresses of all pods."""
    return {a for pod in space.cluster.items("pods", "-A") for a in addresses(pod)}
