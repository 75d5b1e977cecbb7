"""A subnet that runs dry under a real scheduler; `make e2e-full`, a pool takes a minute to give back."""

import contextlib
from collections.abc import Iterator

import oci
from kubernetes.capacity import DRY, SHORT, TAINTED, pooled, refused_by, stuck, taint_of
from kubernetes.cloud import Cloud, Machine
from kubernetes.cluster import Space, a_pod, offered, ready, until

WARM = 4
SPARE = 2
"""Free addresses that are left when the pool asks for more, and none is to be had."""
TOLERANT = {"tolerations": [{"key": SHORT, "operator": "Exists"}]}
VNICS = 4


@contextlib.contextmanager
def filled(cloud: Cloud) -> Iterator[None]:
    """Have somebody take every address of the pods' subnet that is left, and end."""
    with cloud.machine("taker") as machine:
        vnics = [attached(cloud, machine, number) for number in range(VNICS)]
        room = [vnic for vnic in vnics for _ in range(60)]
        length = 19
        while length <= 32 and room:
            try:
                take(cloud, room[-1], length)
                room.pop()
            except oci.exceptions.ServiceError:
                length += 1
        assert length > 32, "the subnet is in more pieces than can be taken"
        yield


def attached(cloud: Cloud, machine: Machine, number: int) -> str:
    """Give the instance one more VNIC in the pods' subnet."""
    details = oci.core.models.AttachVnicDetails(
        instance_id=machine.id,
        create_vnic_details=oci.core.models.CreateVnicDetails(
            subnet_id=cloud.subnet("pods"), display_name=f"taker-{number}"
        ),
    )
    made = cloud.compute.attach_vnic(details).data.id

    def vnic() -> str:
        found = cloud.compute.get_vnic_attachment(made).data
        return str(found.vnic_id) if found.lifecycle_state == "ATTACHED" else ""

    return until(vnic, "a VNIC")


def take(cloud: Cloud, vnic: str, length: int) -> None:
    """Take a block of that length, or a single address; ServiceError when there is none."""
    block = {"cidr_prefix_length": length} if length < 32 else {}
    details = oci.core.models.CreatePrivateIpDetails(vnic_id=vnic, **block)
    cloud.network.create_private_ip(
        details, retry_strategy=oci.retry.NoneRetryStrategy()
    )


def usage(space: Space, node: str) -> dict[str, int]:
    found: dict[str, int] = space.cluster.npn_of(node)["status"].get("usage", {})
    return found


def free(space: Space, node: str) -> int:
    """Count what the agent could hand out now, of what is offered."""
    told = usage(space, node)
    return min(told["free"], len(offered(space.cluster.npn_of(node))) - told["used"])


def test_rt_10_a_subnet_that_runs_dry_under_a_real_scheduler(
    space: Space, cloud: Cloud
) -> None:
    cluster = space.cluster
    small, other = cluster.workers()[:2]
    there = {"nodeSelector": {"kubernetes.io/hostname": small}}
    with pooled(cluster, small, f"warmTarget={WARM}"):
        few = 4 * WARM + len(space.cluster.items("pods", "-A"))
        until(lambda: len(offered(cluster.npn_of(small))) <= few, "a small pool")
        with filled(cloud):
            # It asks for more, and there is none: it is told while some are free still.
            number = 0
            while taint_of(cluster, small, SHORT) is None:
                want = usage(space, small)["used"] + 1
                space.apply(a_pod(f"p{number}", **there, **TOLERANT))
                number += 1
                until(lambda want=want: usage(space, small)["used"] >= want, "a pod")
                if free(space, small) <= SPARE:
                    until(lambda: taint_of(cluster, small, SHORT) is not None, SHORT)
            space.await_pods(number)
            space.apply(a_pod("late", **there), a_pod("anywhere"))
            until(lambda: TAINTED in refused_by(space.pod("late")), "why it waits")
            until(lambda: ready(space.pod("anywhere")), "the pod on the other node")
            assert space.pod("anywhere")["spec"]["nodeName"] == other

            # Those that come nonetheless have the last ones; then none comes.
            last = 0
            while taint_of(cluster, small, DRY) is None:
                left = free(space, small)
                if left:
                    space.apply(a_pod(f"q{last}", **there, **TOLERANT))
                    last += 1
                    until(lambda left=left: free(space, small) < left, "a pod")
                else:
                    until(lambda: taint_of(cluster, small, DRY) is not None, DRY)
            space.apply(a_pod("bold", **there, **TOLERANT))
            until(lambda: TAINTED in refused_by(space.pod("bold")), "why it waits")
            assert stuck(space, small) == []

            # Addresses come back, and rest; then those that waited run.
            names = [f"p{n}" for n in range(number)]
            cluster.kubectl("delete", "pods", "-n", space.name, *names, "--wait=true")
            until(lambda: ready(space.pod("bold")), "the bold pod")
            until(lambda: ready(space.pod("late")), "the late pod")
            until(lambda: taint_of(cluster, small, SHORT) is None, "an open node")
            until(lambda: taint_of(cluster, small, DRY) is None, "an open node")
