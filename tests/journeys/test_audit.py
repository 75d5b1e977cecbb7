"""`mooring audit` of a lab: leaks, and what differs from the cloud; found, and made good (RT-08)."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import oci
import pytest
from journeys.lab_cli import COMMAND_PATIENCE, MOORING, Lab, a_lab, unique
from patience import until

from mooring.core.cni.request import AttachmentId
from mooring.core.ipam import journal
from mooring.core.ipam.ledger import Held
from mooring.core.wiring.names import host_link

Json = dict[str, Any]
MODELS = oci.core.models
EVERY = ["pods", "ledger", "kernel", "npn", "cloud", "agent", "spool"]


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with a_lab(unique("a")) as made:
        made.do("up")
        made.do("pod", "run", "one", "--node", "node-1")
        made.do("pod", "run", "two", "--node", "node-2")
        yield made


def audit(lab: Lab, *words: str) -> tuple[int, dict[str, Json]]:
    """Run the audit; give its exit code and what it says of each node."""
    done = subprocess.run(
        [*MOORING, "audit", "--lab", lab.name, "-o", "json", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=COMMAND_PATIENCE,
    )
    assert done.stdout, done.stderr
    nodes = json.loads(done.stdout)["nodes"]
    return done.returncode, {each["node"]: each for each in nodes}


def keys(node: Json, part: str = "differences") -> set[tuple[str, str]]:
    return {(each["code"], each["name"]) for each in node[part]}


def left(lab: Lab, *words: str) -> set[tuple[str, str]]:
    """What a repair of all nodes leaves."""
    _, nodes = audit(lab, "--repair", "--grace", "0", *words)
    return lasting(nodes, "left")


def found(lab: Lab) -> set[tuple[str, str]]:
    _, nodes = audit(lab, "--grace", "0")
    return lasting(nodes, "differences")


def lasting(nodes: dict[str, Json], part: str) -> set[tuple[str, str]]:
    """All but what ends by itself: an address that is in use and rests has rested at last."""
    named = {key for node in nodes.values() for key in keys(node, part)}
    return {(code, name) for code, name in named if code != "cooling-in-use"}


def record(lab: Lab, pod: str) -> Json:
    content: Json = json.loads((lab.path / f"pods/{pod}.json").read_text())
    return content


def sleeper(lab: Lab, pod: str) -> int:
    """The process that lives in a pod of plain namespaces."""
    uid = record(lab, pod)["uid"]
    node = record(lab, pod)["node"]
    program = lab.path / f"nodes/{node}/run/pod-{uid[:12]}"
    return int(program.read_text().split()[0])


def end(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    until(lambda: not Path(f"/proc/{pid}").exists(), "the process to end")


def on(lab: Lab, node: str, *words: str) -> str:
    """Run a command on a node."""
    pid = lab.pids()[f"{node}/init"]
    done = subprocess.run(
        ["nsenter", "-t", str(pid), "--mount", "--net", *words],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout


@contextmanager
def frozen(lab: Lab, program: str) -> Iterator[None]:
    pid = lab.pids()[program]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def client(lab: Lab, kind: Any) -> Any:
    status = lab.read("status")
    config = oci.config.from_file(status["config"], status["profile"])
    return kind(
        config,
        service_endpoint=status["endpoint"],
        circuit_breaker_strategy=oci.circuit_breaker.NoCircuitBreakerStrategy(),
    )


def network(lab: Lab) -> oci.core.VirtualNetworkClient:
    return client(lab, oci.core.VirtualNetworkClient)


def node_of(lab: Lab, name: str) -> Json:
    return next(n for n in lab.read("status")["nodes"] if n["name"] == name)


def vnic_of(lab: Lab, name: str) -> str:
    return str(node_of(lab, name)["vnics"][0]["id"])


def test_a_lab_at_rest_is_clean_from_all_sides(lab: Lab) -> None:
    code, nodes = audit(lab)

    assert (code, sorted(nodes)) == (0, ["node-1", "node-2"])
    assert all(n["looked"] == EVERY and not n["blind"] for n in nodes.values())


def test_one_node_and_fewer_sides_can_be_asked_for(lab: Lab) -> None:
    code, nodes = audit(lab, "--node", "node-2", "--no-cloud")

    assert (code, sorted(nodes)) == (0, ["node-2"])
    assert nodes["node-2"]["looked"] == [side for side in EVERY if side != "cloud"]


def test_the_text_names_what_the_json_names(lab: Lab) -> None:
    with frozen(lab, "node-1/agent"):
        words = (*MOORING, "audit", "--lab", lab.name, "--node", "node-1")
        done = subprocess.run(words, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[0].startswith("node-1: 1 difference between pods, ledger")
    assert lines[1] == "  agent-away: agent: the agent does not answer"
    assert [line.split()[0] for line in lines[2:]] == ["agent", "cause", "remedy"]
    yaml = subprocess.run([*words, "-o", "yaml"], capture_output=True, check=False)
    assert yaml.stdout.startswith(b"clean: ")


@dataclass(frozen=True)
class Lost:
    """Pods of one node whose runtime and network no longer know the same of them."""

    addresses: dict[str, str]
    uids: dict[str, str]
    kept: dict[str, bytes]


@pytest.fixture(scope="class")
def lost(lab: Lab) -> Iterator[Lost]:
    names = ("gone", "stopped", "alive", "cut", "other")
    ran = {n: lab.read("pod", "run", n, "--node", "node-1") for n in names}
    made = Lost(
        addresses={n: ran[n]["address"] for n in names},
        uids={n: record(lab, n)["uid"] for n in names},
        kept={n: (lab.path / f"pods/{n}.json").read_bytes() for n in names},
    )
    end(sleeper(lab, "gone"))
    end(sleeper(lab, "stopped"))
    delete(lab, "node-1", made.uids["cut"])
    content = record(lab, "other")
    content["result"]["ips"][0]["address"] = "10.0.63.254/32"
    (lab.path / "pods/other.json").write_text(json.dumps(content))
    for name in ("gone", "alive"):
        (lab.path / f"pods/{name}.json").unlink()
    yield made
    for name in names:
        (lab.path / f"pods/{name}.json").write_bytes(made.kept[name])
        lab.do("pod", "rm", name)


def delete(lab: Lab, node: str, uid: str) -> None:
    """End a pod's attachment behind its runtime's back."""
    conf = '{"cniVersion": "1.0.0", "name": "mooring", "type": "mooring"}'
    env = f"CNI_COMMAND=DEL CNI_CONTAINERID={uid} CNI_IFNAME=eth0 CNI_PATH=/opt"
    shim = lab.path / "share/cni/mooring"
    on(lab, node, "sh", "-c", f"echo '{conf}' | {env} {shim}")


def for_people(lost: Lost) -> set[tuple[str, str]]:
    return {
        ("unknown-pod", lost.addresses["alive"]),
        ("pod-without-lease", f"cut ({lost.uids['cut'][:12]})"),
        ("other-address", f"other ({lost.uids['other'][:12]})"),
    }


def leaks(lost: Lost) -> set[tuple[str, str]]:
    return {
        ("leaked-lease", lost.addresses["gone"]),
        ("stopped-pod", lost.addresses["stopped"]),
    }


class TestLostPods:
    """RT-08: the runtime's pods and the ledger."""

    def test_pods_that_runtime_and_ledger_know_apart_are_named(
        self, lab: Lab, lost: Lost
    ) -> None:
        until(lambda: found(lab) == leaks(lost) | for_people(lost), "all of them")

    def test_a_young_lease_without_a_pod_is_no_leak(self, lab: Lab, lost: Lost) -> None:
        _, nodes = audit(lab, "--node", "node-1", "--grace", "3600")

        assert not keys(nodes["node-1"]) & leaks(lost)

    def test_a_dry_run_ends_no_lease(self, lab: Lab, lost: Lost) -> None:
        _, nodes = audit(lab, "--repair", "--dry-run", "--grace", "0")

        would = [r for r in nodes["node-1"]["repairs"] if not r["done"]]
        assert {lost.uids[n] in r["act"] for n in ("gone",) for r in would} == {
            True,
            False,
        }
        assert leaks(lost) <= keys(nodes["node-1"], "left")
        assert leaks(lost) <= found(lab)

    def test_leaks_are_freed_and_no_pod_that_lives_is_touched(
        self, lab: Lab, lost: Lost
    ) -> None:
        until(lambda: left(lab) == for_people(lost), "what is for people")

        links = on(lab, "node-1", "ip", "link")
        ends = {
            n: host_link(AttachmentId("mooring", u, "eth0"))
            for n, u in lost.uids.items()
        }
        assert {n: end in links for n, end in ends.items()} == {
            "gone": False,
            "stopped": False,
            "alive": True,
            "cut": False,
            "other": True,
        }
        lab.do("exec", "two", "--", "ping", "-c1", "-W60", lost.addresses["alive"])


def test_an_address_is_held_on_one_node(lab: Lab) -> None:
    pids = lab.pids()
    first = lab.path / "nodes/node-1/agent/ledger.journal"
    second = lab.path / "nodes/node-2/agent/ledger.journal"
    with frozen(lab, "node-2/agent"):
        entries = journal.read(first.read_bytes())
        assert entries
        uid, address = record(lab, "one")["uid"], lab.addresses()["one"]
        held = next(
            e
            for e in entries.entries
            if isinstance(e, Held) and e.lease.attachment.container == uid
        )
        kept = second.read_bytes()
        second.write_bytes(kept + journal.line(held))
        _, nodes = audit(lab)
        second.write_bytes(kept)

    assert ("address-twice", address) in keys(nodes["node-1"])
    assert ("address-twice", address) in keys(nodes["node-2"])
    assert lab.pids() == pids


def test_an_address_too_many_in_the_cloud_is_told_of_and_left_alone(lab: Lab) -> None:
    """RT-08: the cloud has it, nobody lists it."""
    calls = network(lab)
    details = MODELS.CreatePrivateIpDetails(vnic_id=vnic_of(lab, "node-1"))
    made = calls.create_private_ip(details).data

    named = {("address-not-listed", f"{made.ip_address}/32")}
    until(lambda: left(lab) == named, "the address that is not listed, alone")
    calls.delete_private_ip(made.id)


def test_a_vnic_too_many_in_the_cloud_is_told_of(lab: Lab) -> None:
    """RT-08: it is the node's, and no object knows it."""
    status = node_of(lab, "node-1")
    name = status["instance"].rpartition(".")[2]
    compute = client(lab, oci.core.ComputeClient)
    with frozen(lab, "controller"):
        details = MODELS.AttachVnicDetails(
            instance_id=status["instance"],
            create_vnic_details=MODELS.CreateVnicDetails(
                subnet_id=status["vnics"][0]["subnet"],
                freeform_tags={"mooring-npn": name, "mooring-slot": "7"},
            ),
        )
        made = compute.attach_vnic(details).data

        def attached() -> Any:
            seen = compute.get_vnic_attachment(made.id).data
            return seen.lifecycle_state == "ATTACHED" and seen

        until(attached, "the VNIC")
        named = {("vnic-not-listed", attached().vnic_id)}
        until(lambda: found(lab) == named, "the VNIC that is not listed, alone")
        compute.detach_vnic(made.id)
        until(
            lambda: (
                compute.get_vnic_attachment(made.id).data.lifecycle_state == "DETACHED"
            ),
            "its end",
        )


def test_what_the_cloud_lost_comes_back_and_pods_keep_what_they_hold(lab: Lab) -> None:
    """RT-08: a block of node-1's addresses and the whole VNIC of node-2."""
    lab.do("pod", "rm", "two")
    calls, compute = network(lab), client(lab, oci.core.ComputeClient)
    instance, vnic = node_of(lab, "node-2")["instance"], vnic_of(lab, "node-2")
    compartment = compute.get_instance(instance).data.compartment_id
    listed = compute.list_vnic_attachments(compartment, instance_id=instance).data
    (old,) = (a for a in listed if a.vnic_id == vnic)

    def detached() -> bool:
        state = compute.get_vnic_attachment(old.id).data.lifecycle_state
        return bool(state == "DETACHED")

    with frozen(lab, "controller"):
        objects = calls.list_private_ips(vnic_id=vnic_of(lab, "node-1")).data
        calls.delete_private_ip(next(b for b in objects if not b.is_primary).id)
        compute.detach_vnic(old.id)
        until(detached, "the VNIC's end")
        held = {("lease-not-in-cloud", lab.addresses()["one"])}
        lost = {("vnic-not-in-cloud", vnic), ("vnic-without-link", vnic)}

        def all_is_named() -> bool:
            named = found(lab)
            blocks = {name for code, name in named if code == "address-not-in-cloud"}
            return held | lost <= named and len(blocks) == 31

        until(all_is_named, "all that the cloud lost to be named")
    until(lambda: left(lab, "--wait", "120") == held, "all but what the cloud lost")
    assert vnic_of(lab, "node-2") != vnic
    lab.do("pod", "rm", "one")
    until(lambda: found(lab) == set(), "peace")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--lab", "nowhere"), "lab nowhere is not up"),
        (("--lab", "Bad_Name"), "1 to 12 of a-z"),
        (("--node", "node-9"), "there is no node 'node-9'"),
        (("--dry-run",), "--dry-run says what --repair would do"),
        (("--grace", "-1"), "is not in the range"),
        (("--endpoint", "ftp://x"), "is not http://HOST or https://HOST"),
    ],
)
def test_what_cannot_be_looked_at_is_refused_in_words(
    lab: Lab, words: tuple[str, ...], said: str
) -> None:
    whole = words if "--lab" in words else ("--lab", lab.name, *words)
    done = subprocess.run(
        [*MOORING, "audit", *whole], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_without_a_lab_one_says_which_node() -> None:
    for words in ((), ("--npn-dir", "/x", "--instance", "i", "--node", "n")):
        done = subprocess.run(
            [*MOORING, "audit", *words], capture_output=True, text=True, check=False
        )

        assert done.returncode == 2
        assert "--lab" in done.stderr


def test_a_node_that_is_down_is_seen_as_far_as_it_goes(lab: Lab) -> None:
    end(lab.pids()["node-1/init"])

    def one_is_away() -> bool:
        code, nodes = audit(lab, "--grace", "0")
        away = ("agent-away", "agent") in keys(nodes["node-1"])
        return bool(code) and away and keys(nodes["node-2"]) == set()

    until(one_is_away, "the other node to be seen as it is")
    lab.do("up")
