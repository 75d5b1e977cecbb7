"""The lab's own claims about a cluster: up, up again after anything, down with nothing left.

A lab of its own with one node, because what it kills others need.
"""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import oci
import pytest
from journeys.lab_cli import LABS, MOORING, Lab, a_lab
from oci.core import ComputeClient
from patience import until

from mooring.core.linux.kubelet import SETTINGS
from mooring.core.linux.upstream import CLUSTER
from mooring.core.vcn.labcluster import SERVICES4, SERVICES6
from mooring.lab.programs_built import Builder
from mooring.lab.settings import KEPT, LEAST, PLACE

CONTROL = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "coredns")
ON_NODE = ("node-1/containerd", "node-1/kube-proxy", "node-1/kubelet")
TOGETHER = [
    ("control/etcd", "passage", "vcn", "node-1/kubelet", "control/coredns"),
    (*(f"control/{each}" for each in CONTROL[:3]), *ON_NODE[:2]),
    ("node-1/init",),
    ("control/init",),
]
"""Programs that are killed at once; a machine's `init` takes all that runs there with it."""


def machine() -> dict[str, str]:
    """What of the machine a lab must leave as it was."""
    names = (*SETTINGS, *LEAST)
    settings = {name: (Path("/proc/sys") / name).read_text() for name in names}
    routes = "".join(
        subprocess.run(
            ["ip", family, "route", "show", "table", "all"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for family in ("-4", "-6")
    )
    return {**settings, "routes": routes}


def kept() -> dict[str, Any]:
    """What is remembered of the settings that clusters raise; nothing while none stands."""
    with suppress(FileNotFoundError):
        found: dict[str, Any] = json.loads((LABS / PLACE / KEPT).read_text())
        return found
    return {}


def goes_down(lab: Lab) -> None:
    """Nothing is left, and what clusters raise is as before, unless another one stands."""
    told = kept()
    assert lab.name in told["labs"]
    up = {name: int(value) for name, value in machine().items() if name in LEAST}
    assert all(up[name] >= least for name, least in LEAST.items())

    lab.do("down")

    def as_it_should_be() -> bool:
        now = {name: int(value) for name, value in machine().items() if name in LEAST}
        return now == (up if kept() else {**up, **told["before"]})

    assert lab.traces() == []
    assert lab.name not in kept().get("labs", ())
    until(as_it_should_be, "the machine's settings to be as before")


@pytest.fixture(scope="module")
def before() -> dict[str, str]:
    return machine()


@pytest.fixture(scope="module")
def named() -> Iterator[Path]:
    """A directory of programs that the user has: the built ones, by other names."""
    built = Builder.usual(os.environ, print).build(CLUSTER)
    with TemporaryDirectory(prefix="named-", dir=built.parent) as place:
        for program in CLUSTER:
            (Path(place) / program.name).hardlink_to(built / program.name)
        yield Path(place).resolve()


@pytest.fixture(scope="module")
def lab(before: dict[str, str], named: Path) -> Iterator[Lab]:
    assert before
    with a_lab(f"k{os.getpid()}") as made:
        made.do("up", "--kubernetes", "--nodes", "1", "--programs", str(named))
        yield made


def record(lab: Lab) -> dict[str, Any]:
    """What the lab remembers of itself."""
    found: dict[str, Any] = json.loads((lab.path / "lab.json").read_text())
    return found


def kubectl(lab: Lab, *words: str) -> str:
    """Run kubectl as a user does: with the kubeconfig that the lab prints."""
    programs = record(lab)["programs"]
    config = lab.path / "test.kubeconfig"
    config.write_text(lab.do("kubeconfig"))
    done = subprocess.run(
        [f"{programs}/kubectl", "--kubeconfig", config, *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return done.stdout


def the_node(lab: Lab) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        kubectl(lab, "get", "node", "node-1", "-o", "json")
    )
    return found


def serves(lab: Lab) -> None:
    """The cluster takes a pod, and the pod's Mooring address is the API server's too."""

    def ready() -> bool:
        # Who was away is told of as unreachable until the next word of its kubelet; the
        # taint of who is new goes with the controller manager's next look.
        nodes = lab.read("status")["nodes"]
        return {each["state"] for each in nodes} == {"ready"}

    until(ready, "the nodes to be ready")
    image = "registry.k8s.io/pause:3.10.2"
    kubectl(lab, "run", "probe", f"--image={image}")
    kubectl(lab, "wait", "pod/probe", "--for=condition=Ready", "--timeout=280s")
    address = kubectl(lab, "get", "pod", "probe", "-o", "jsonpath={.status.podIP}")
    kubectl(lab, "delete", "pod", "probe", "--wait=true")
    assert address.startswith("10.0.")


def test_a_pod_gets_an_address_of_the_vcn(lab: Lab) -> None:
    serves(lab)


def test_status_shows_every_program_and_who_is_up(lab: Lab) -> None:
    seen = lab.read("status")

    names = {each["name"] for each in seen["programs"]}
    assert {f"control/{each}" for each in (*CONTROL, "etcd", "init")} <= names
    assert {"node-1/init", *ON_NODE} <= names
    assert {each["state"] for each in seen["programs"]} == {"running"}
    assert seen["nodes"][0]["vnics"][0]["addresses"] == 31


def test_coredns_answers_in_the_api_subnet(lab: Lab) -> None:
    chosen = ("-n", "kube-system", "-l", "kubernetes.io/service-name=kube-dns")
    slices = json.loads(kubectl(lab, "get", "endpointslices", *chosen, "-o", "json"))
    ends = [end for each in slices["items"] for end in each["endpoints"]]
    subnet = ip_network(record(lab)["topology"]["subnets"]["api"]["cidr"])

    found = [ip_address(address) for end in ends for address in end["addresses"]]
    assert found
    assert [address for address in found if address not in subnet] == []


def test_no_route_of_the_lab_is_on_the_machine(
    lab: Lab, before: dict[str, str]
) -> None:
    assert lab.read("status")["kubernetes"].startswith("https://127.0.0.1:")
    had = before["routes"].splitlines()
    new = [line for line in machine()["routes"].splitlines() if line not in had]
    ours = blocks(lab)
    # Others' links come and go meanwhile.
    assert [line for line in new if any(map(partial(into, line), ours))] == []


def blocks(lab: Lab) -> list[IPv4Network | IPv6Network]:
    """Give all the networks of a cluster, its Services' too."""
    vcn = record(lab)["topology"]["vcn"]
    return [*map(ip_network, (*vcn["cidrs"], vcn["ipv6"])), SERVICES4, SERVICES6]


def into(line: str, block: IPv4Network | IPv6Network) -> bool:
    """Tell whether a route's line names something of a block, or a block around it."""
    for word in line.split():
        with suppress(ValueError):
            named = ip_network(word)
            if named.version == block.version and named.overlaps(block):
                return True
    return False


@pytest.mark.parametrize(
    "line",
    ["10.0.1.0/24 dev x", "unicast 10.96.0.1 dev x", "fd00:96::a dev x metric 1"],
)
def test_a_route_into_a_lab_would_be_seen(line: str, lab: Lab) -> None:
    assert any(into(line, block) for block in blocks(lab))


def test_what_kubelet_sets_of_the_machine_stays_in_the_node(
    lab: Lab, before: dict[str, str]
) -> None:
    root = Path(f"/proc/{lab.pids()['node-1/init']}/root/proc/sys")

    assert (root / "vm/overcommit_memory").read_text().strip() == "1"
    after = machine()
    assert {k: after[k] for k in SETTINGS} == {k: before[k] for k in SETTINGS}


def test_pods_are_left_to_the_api_server(lab: Lab) -> None:
    done = lab.run("pod", "run", "web")

    assert done.returncode == 1
    assert "Kubernetes' own" in done.stderr
    assert "next step: kubectl --kubeconfig" in done.stderr


def test_up_again_leaves_what_runs(lab: Lab) -> None:
    running = lab.pids()

    lab.do("up")

    assert lab.pids() == running


def running_from(lab: Lab) -> set[str]:
    """The directories of the programs of others that run."""
    ours = ("init", "passage", "vcn")
    pids = {name: pid for name, pid in lab.pids().items() if not name.endswith(ours)}
    return {str(Path(f"/proc/{pid}/exe").readlink().parent) for pid in pids.values()}


def test_programs_of_a_named_directory_run_and_the_next_up_takes_them(
    lab: Lab, named: Path
) -> None:
    assert record(lab)["programs"] == str(named)
    assert running_from(lab) == {str(named)}

    lab.kill("node-1/kube-proxy")
    lab.do("up")

    assert record(lab)["programs"] == str(named)
    # It leaves its record a moment before it becomes the program.
    until(lambda: running_from(lab) == {str(named)}, f"all to run from {named}")


@pytest.mark.parametrize("killed", TOGETHER, ids=" ".join)
def test_up_mends_what_was_killed(lab: Lab, killed: tuple[str, ...]) -> None:
    running = lab.pids()
    for program in killed:
        lab.kill(program)

    lab.do("up")

    after = lab.pids()
    assert after.keys() == running.keys()
    assert all(after[name] != running[name] for name in killed)
    lost = {n.rpartition("/")[0] for n in killed if n.endswith("/init")}
    spared = {
        n for n in running if n not in killed and n.rpartition("/")[0] not in lost
    }
    assert {n: after[n] for n in spared} == {n: running[n] for n in spared}
    serves(lab)


def test_a_terminated_instance_comes_back_as_another_node(lab: Lab) -> None:
    seen = lab.read("status")
    config = oci.config.from_file(seen["config"], seen["profile"])
    compute = ComputeClient(config, service_endpoint=seen["endpoint"])
    compute.terminate_instance(seen["nodes"][0]["instance"])
    compute.base_client.session.close()

    lab.do("up")

    after = lab.read("status")["nodes"][0]["instance"]
    assert after != seen["nodes"][0]["instance"]
    assert the_node(lab)["spec"]["providerID"] == after
    serves(lab)


def test_a_standing_cluster_takes_another_node(lab: Lab) -> None:
    running = lab.pids()

    lab.do("up", "--nodes", "2")

    after = lab.pids()
    assert {name: after[name] for name in running} == running
    assert len(lab.read("status")["nodes"]) == 2
    serves(lab)


def test_down_leaves_nothing(lab: Lab, before: dict[str, str]) -> None:
    goes_down(lab)

    after = machine()
    assert {k: after[k] for k in SETTINGS} == {k: before[k] for k in SETTINGS}


@contextmanager
def going_up(lab: Lab) -> Iterator["subprocess.Popen[str]"]:
    """`up`, which is killed with the block's end."""
    process = subprocess.Popen(
        [*MOORING, "lab", "up", "--kubernetes", "--nodes", "1", "--name", lab.name],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGKILL)


def test_up_goes_on_wherever_it_was_killed() -> None:
    moments = ("serves at", "VCN 10", "etcd", "API server", "applied", "kubelets")
    with a_lab(f"m{os.getpid()}") as made:
        for moment in moments:
            with going_up(made) as process:
                assert process.stderr is not None
                assert any(moment in line for line in process.stderr), moment
        made.do("up")
        serves(made)
        goes_down(made)
