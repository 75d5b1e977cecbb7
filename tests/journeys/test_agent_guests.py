"""The agent and the API server's pods: it names them, and ends a lease whose pod is over. On fakes."""

import json
from dataclasses import replace
from errno import EMFILE
from ipaddress import ip_address

import pytest
from fakes.pods import FakePods
from journeys.agent_fakes import Machine, Pod, a_machine, play

from mooring.core.kube.errors import Away
from mooring.core.kube.pod import Pod as KubePod
from mooring.core.linux.plan import HOST


def a_guest(name: str, *ips: str, uid: str = "") -> KubePod:
    return KubePod(
        namespace="default",
        name=name,
        uid=uid or f"uid-{name}",
        ips=tuple(map(ip_address, ips)),
        phase="Running",
    )


async def a_machine_with(*pods: KubePod) -> tuple[Machine, FakePods]:
    machine = a_machine()
    machine.on_a_cluster = True
    machine.pods = known = FakePods(*pods)
    await machine.start()
    return machine, known


async def attached(machine: Machine, name: str) -> Pod:
    """The runtime names the pod as containerd does."""
    pod = machine.a_pod(name)
    more = f"K8S_POD_NAMESPACE=default;K8S_POD_UID=uid-{name}"
    machine.args = f"IgnoreUnknown=1;K8S_POD_NAME={name};{more}"
    await machine.add(pod)
    return pod


async def named(machine: Machine) -> list[str]:
    await machine.agent.report()
    document = json.loads(machine.disk.files["status.json"])
    return [each["pod"] for each in document["attachments"]]


def test_a_pod_is_named_by_the_runtime_and_after_a_restart_by_its_address() -> None:
    async def story() -> None:
        machine, known = await a_machine_with()
        await attached(machine, "web")
        assert await named(machine) == ["default/web"]

        machine.agent = machine.new_agent()
        machine.agent.book.open()
        await machine.settle()
        assert await named(machine) == [""]
        known.put(a_guest("web", "10.0.8.10"))
        await machine.settle()
        assert await named(machine) == ["default/web"]

    play(story())


def test_a_pod_on_the_hosts_network_or_that_ended_has_none_of_our_addresses() -> None:
    async def story() -> None:
        machine, known = await a_machine_with()
        await attached(machine, "web")
        machine.agent = machine.new_agent()
        machine.agent.book.open()
        known.put(replace(a_guest("proxy", "10.0.8.10"), host_network=True))
        known.put(replace(a_guest("job", "10.0.8.10"), phase="Succeeded"))
        await machine.settle()

        assert await named(machine) == [""]

    play(story())


@pytest.mark.parametrize("runs", [False, True])
def test_a_pod_that_the_api_server_knows_no_more_keeps_its_address_while_it_runs_only(
    *, runs: bool
) -> None:
    """One that is over gives it back although its namespace is held."""

    async def story() -> None:
        machine, known = await a_machine_with(a_guest("web"))
        await attached(machine, "web")
        await machine.settle()
        if not runs:
            machine.namespaces.delete("web")  # its place; a descriptor keeps it alive
        await machine.settle()
        assert len(machine.leases) == 1

        known.drop("default/web")
        await machine.settle()
        assert len(machine.leases) == int(runs)
        assert len(machine.heard("collected")) == int(not runs)
        machine.assert_consistent()

    play(story())


def test_one_that_was_never_met_there_or_cannot_be_asked_for_counts_for_nothing() -> (
    None
):
    async def story() -> None:
        machine, known = await a_machine_with(a_guest("web"))
        await attached(machine, "static")  # another uid there: a kubelet's own pod
        await attached(machine, "web")
        await machine.settle()
        known.away = Away("GET /api/v1/pods", "connection refused")
        known.drop("default/web")
        for name in ("static", "web"):
            machine.namespaces.delete(name)
        await machine.settle()
        assert len(machine.leases) == 2

        known.away = None
        await machine.settle()
        assert [a.container for a in machine.leases] == ["static"]

    play(story())


def test_a_place_that_cannot_be_looked_at_is_no_sign_and_another_namespace_there_is() -> (
    None
):
    async def story() -> None:
        machine, known = await a_machine_with(a_guest("web"))
        await attached(machine, "web")
        await machine.settle()
        known.drop("default/web")
        machine.namespaces.refusal = OSError(EMFILE, "Too many open files")
        machine.agent.repair.turn(machine.kernel.look(HOST, None))
        await machine.agent.reaper.reap()
        assert len(machine.leases) == 1

        machine.namespaces.refusal = None
        machine.namespaces.delete("web")
        machine.namespaces.create("web")
        await machine.settle()
        assert len(machine.leases) == 0

    play(story())
