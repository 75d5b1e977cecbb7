"""Two containerd sandboxes on two nodes talk by VCN address, as far as the rules say.

TCP, UDP and ICMP, the server sees the pod's own address; the one rule that permits it is
taken away through the official SDK, which cuts the flow, and given back, which restores it.
"""

import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import oci
import pytest
from journeys.lab_cli import MOORING, Lab, a_lab, unique
from oci.core import ComputeClient, VirtualNetworkClient, models
from patience import until

from mooring.adapters.cri import Cri
from mooring.core.linux import containerd
from mooring.lab import probe

RULE = "from pods: all"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with a_lab(unique("c")) as made:
        made.do("up", "--runtime", "containerd")
        made.do("pod", "run", "server", "--node", "node-1")
        made.do("pod", "run", "client", "--node", "node-2")
        made.do("exec", "server", "--", *probe.detached_server())
        yield made


@contextmanager
def the_cloud(lab: Lab) -> Iterator[tuple[VirtualNetworkClient, str]]:
    """The SDK as anybody would use it, and the group of the pods' rules."""
    seen = lab.read("status")
    config = oci.config.from_file(seen["config"], seen["profile"])
    client = VirtualNetworkClient(config, service_endpoint=seen["endpoint"])
    found = client.list_network_security_groups(
        compartment_id=config["tenancy"], display_name=f"{lab.name}-pods"
    )
    yield client, found.data[0].id
    client.base_client.session.close()


def asked(lab: Lab, kind: str, patience: float = 60) -> probe.Echo:
    """Whom the server says that it sees."""
    address = lab.addresses()["server"]
    words = probe.client(kind, address, patience=patience)
    return probe.heard(lab.run("exec", "client", "--", *words).stdout)


def pings(lab: Lab) -> int:
    """How many of five pings were answered."""
    done = lab.run("ping", "client", "server", "-o", "json")
    return int(done.stdout.split('"received": ')[1].split(",")[0])


def test_the_sandboxes_are_of_two_containerds(lab: Lab) -> None:
    pids = lab.pids()

    assert pids["node-1/containerd"] != pids["node-2/containerd"]
    assert {p["node"] for p in lab.read("pod", "ls")} == {"node-1", "node-2"}


@pytest.mark.parametrize("kind", ["tcp", "udp"])
def test_the_server_sees_the_pods_own_address(lab: Lab, kind: str) -> None:
    assert asked(lab, kind).peer == lab.addresses()["client"]


def test_pings_are_answered(lab: Lab) -> None:
    assert pings(lab) == 5


def test_a_rule_removed_cuts_and_added_restores(lab: Lab) -> None:
    with the_cloud(lab) as (client, group):
        rules = client.list_network_security_group_security_rules(group).data
        (rule,) = [r for r in rules if r.description == RULE]

        client.remove_network_security_group_security_rules(
            group,
            models.RemoveNetworkSecurityGroupSecurityRulesDetails(
                security_rule_ids=[rule.id]
            ),
        )
        cut = [asked(lab, kind, 1).peer for kind in ("tcp", "udp")]
        unheard = pings(lab)

        client.add_network_security_group_security_rules(
            group,
            models.AddNetworkSecurityGroupSecurityRulesDetails(
                security_rules=[
                    models.AddSecurityRuleDetails(
                        direction=rule.direction,
                        protocol=rule.protocol,
                        source=rule.source,
                        source_type=rule.source_type,
                        description=rule.description,
                    )
                ]
            ),
        )
        restored = [asked(lab, "tcp").peer, asked(lab, "udp").peer, pings(lab)]

    own = lab.addresses()["client"]
    assert (cut, unheard) == (["", ""], 0)
    assert restored == [own, own, 5]


def test_a_command_in_a_container_gives_its_output_and_status(lab: Lab) -> None:
    done = lab.run("exec", "client", "--", "sh", "-c", "echo out; echo err >&2; exit 3")

    assert (done.stdout, done.stderr, done.returncode) == ("out\n", "err\n", 3)


def sandboxes(lab: Lab, node: str) -> dict[str, str]:
    """The pods that run, by name, and the sandbox of each."""
    root = Path(f"/proc/{lab.pids()[f'{node}/init']}/root")
    cri = Cri(f"{root}{containerd.SOCKET}")
    try:
        return {seen.name: seen.sandbox for seen in cri.pods() if seen.ready}
    finally:
        cri.close()


def said(lab: Lab, node: str) -> str:
    """What a node's containerd wrote."""
    return (lab.path / f"nodes/{node}/log/containerd.log").read_text()


def clean(lab: Lab, *more: str) -> bool:
    """Compare pods, ledger, kernel and cloud, the youngest lease too."""
    words = (*MOORING, "audit", "--lab", lab.name, "--grace", "0", *more)
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


def test_a_killed_containerd_comes_back_with_its_pods(lab: Lab) -> None:
    """Killed while it makes pods: who ran has the same sandbox, and of the others nothing stays.

    A containerd that dies between ADD and its own record knows nothing of that pod any more
    and calls no DEL: that one the audit finds and frees.
    """
    before, addresses = lab.pids(), lab.addresses()
    ran = sandboxes(lab, "node-2")
    lab.do("exec", "client", "--", "true")
    names = [f"burst-{n}" for n in range(3)]
    with ThreadPoolExecutor(len(names)) as threads:
        runs = [
            threads.submit(lab.run, "pod", "run", name, "--node", "node-2")
            for name in names
        ]
        until(lambda: "{Name:burst-" in said(lab, "node-2"), "the first to begin")
        lab.kill("node-2/containerd")
        codes = [run.result().returncode for run in runs]
    print(f"the pods' ends: {codes}")
    lab.do("up")

    assert lab.pids()["node-2/containerd"] != before["node-2/containerd"]
    after = sandboxes(lab, "node-2")
    assert ran == {"client": after["client"]}
    for name in lab.addresses().keys() & set(names):
        lab.do("pod", "rm", name)
    assert lab.addresses() == addresses
    until(lambda: clean(lab, "--repair"), "what containerd forgot to be freed")
    until(lambda: clean(lab), "ledger, kernel, cloud and pods to agree")
    assert pings(lab) == 5


def test_a_terminated_instance_comes_back_with_a_containerd_of_its_own(
    lab: Lab,
) -> None:
    before = lab.read("status")
    config = oci.config.from_file(before["config"], before["profile"])
    compute = ComputeClient(config, service_endpoint=before["endpoint"])
    compute.terminate_instance(before["nodes"][1]["instance"])
    compute.base_client.session.close()

    # At once, while the old instance is still about to end.
    lab.do("up")

    after = lab.read("status")
    assert after["nodes"][1]["instance"] != before["nodes"][1]["instance"]
    assert [each["state"] for each in after["nodes"]] == ["ready", "ready"]
    assert {p["state"] for p in lab.read("pod", "ls")} == {"running"}
    assert pings(lab) == 5
    assert asked(lab, "tcp").peer == lab.addresses()["client"]


def test_a_removed_pod_leaves_its_node(lab: Lab) -> None:
    lab.do("pod", "run", "third", "--node", "node-2")
    used = lab.read("status")["nodes"][1]["vnics"][0]["used"]

    lab.do("pod", "rm", "third")

    assert used == 2
    assert lab.read("status")["nodes"][1]["vnics"][0]["used"] == 1


def test_down_leaves_nothing(lab: Lab) -> None:
    lab.do("down")

    assert lab.traces() == []
