"""ADD, DEL, CHECK, STATUS and GC of the agent, on fakes: every answer, every refusal."""

import asyncio
import json
from dataclasses import replace
from errno import EPERM
from ipaddress import IPv4Interface
from itertools import pairwise

import pytest
from journeys.agent_fakes import Machine, Pod, a_machine, a_vnic, play

from mooring.agent.turns import Turns
from mooring.core.cni.errors import Code
from mooring.core.cni.frames import Answer, Call
from mooring.core.linux.plan import (
    HOST,
    POD,
    Address,
    End,
    LinkUp,
    Neighbour,
    Route,
    Veth,
)
from mooring.core.wiring.names import host_link
from mooring.core.wiring.ruleset import PODS4


async def started(**settings: float) -> Machine:
    machine = a_machine(**settings)
    await machine.start()
    return machine


def test_an_added_pod_has_cables_a_lease_and_may_send() -> None:
    async def story() -> None:
        machine = await started()
        pod = machine.a_pod()
        address = await machine.add(pod)

        assert address == "10.0.8.10"
        assert machine.leases[pod.id].netns.path == "/run/netns/c1"
        assert len(machine.nft.elements(PODS4)) == 1
        machine.assert_consistent()
        (line,) = machine.heard("added")
        assert "pod=c1" in line
        assert "cables=" in line

    play(story())


def test_who_only_asks_comes_between_pods_that_come_together_rt_29() -> None:
    async def story() -> None:
        machine = await started()
        pods = [machine.a_pod(f"c{number}") for number in range(4)]
        adds = [asyncio.create_task(machine.cni("ADD", pod)) for pod in pods]
        counts = [0]
        while not all(add.done() for add in adds):
            await asyncio.sleep(0)  # one turn of the loop
            counts.append(len(machine.leases))

        assert {b - a for a, b in pairwise(counts)} == {0, 1}
        assert [(await add).exit_code for add in adds] == [0] * 4
        machine.assert_consistent()

    play(story())


def test_del_of_a_pod_that_is_in_the_line_comes_after_its_add() -> None:
    async def story() -> None:
        machine = await started()
        first, second = machine.a_pod("c1"), machine.a_pod("c2")
        adds = [asyncio.create_task(machine.cni("ADD", pod)) for pod in (first, second)]
        await asyncio.sleep(0)
        waiting = second.id not in machine.leases
        await machine.delete(second)

        assert waiting
        assert [(await add).exit_code for add in adds] == [0, 0]
        await machine.settle()
        assert set(machine.leases) == {first.id}
        machine.assert_consistent()

    play(story())


def test_who_leaves_the_line_holds_nobody_up() -> None:
    async def story() -> None:
        machine = await started()
        pods = [machine.a_pod(f"c{number}") for number in range(3)]
        adds = [asyncio.create_task(machine.cni("ADD", pod)) for pod in pods]
        await asyncio.sleep(0)
        adds[1].cancel()
        answers = await asyncio.gather(*adds, return_exceptions=True)

        assert isinstance(answers[1], asyncio.CancelledError)
        assert set(machine.leases) == {pods[0].id, pods[2].id}
        machine.assert_consistent()

    play(story())


def test_the_claim_is_on_disk_before_the_first_cable() -> None:
    async def story() -> None:
        machine = await started()
        machine.kernel.refuse(Veth)
        await machine.refused("ADD", machine.a_pod())

        assert b'"held"' in machine.disk.journal
        ahead = b'"ahead","addresses":["10.0.8.10"'
        assert ahead in machine.disk.journal[: machine.disk.synced]

    play(story())


def test_addresses_are_written_down_ahead_after_the_answers() -> None:
    """So that no ADD waits for the disk, however many come."""

    async def story() -> None:
        machine = a_machine()
        machine.cloud(a_vnic(range(10, 110)))
        await machine.start()
        for number in range(70):
            pod = machine.a_pod(f"c{number}")
            before = machine.disk.synced
            assert (await machine.cni("ADD", pod)).exit_code == 0
            # Neither has the ADD waited for the disk, nor for its line in the log.
            assert machine.disk.synced == before
            assert len(machine.heard("added")) == number
            await asyncio.sleep(0)
            assert len(machine.heard("added")) == number + 1

    play(story())


@pytest.mark.parametrize("version", ["0.3.1", "0.4.0", "1.0.0", "1.1.0"])
def test_the_result_has_the_version_that_was_asked(version: str) -> None:
    async def story() -> None:
        machine = await started()
        answer = await machine.cni("ADD", machine.a_pod(), cniVersion=version)

        assert json.loads(answer.stdout)["cniVersion"] == version

    play(story())


def test_an_earlier_plugins_result_is_passed_on() -> None:
    async def story() -> None:
        machine = await started()
        before = {"cniVersion": "1.1.0", "interfaces": [{"name": "other0"}]}
        answer = await machine.cni("ADD", machine.a_pod(), prevResult=before)
        made = json.loads(answer.stdout)

        assert made["interfaces"][0]["name"] == "other0"
        assert made["ips"][0]["interface"] == 2

    play(story())


def test_nothing_is_attached_before_the_node_is_ready() -> None:
    async def story() -> None:
        machine = a_machine()
        machine.agent.attachments.start.patience = 0.01
        error = await machine.refused("ADD", machine.a_pod())

        assert error["code"] == Code.TRY_AGAIN_LATER
        assert "starting" in error["details"]
        assert machine.leases == {}

    play(story())


@pytest.mark.parametrize(
    ("fd", "words"), [(None, "no such network namespace"), (7, "is none")]
)
def test_a_namespace_that_is_none_is_refused(fd: int | None, words: str) -> None:
    async def story() -> None:
        machine = await started()
        error = await machine.refused("ADD", Pod("c1", fd))

        assert error["code"] == Code.INVALID_NETNS
        assert words in error["msg"]
        assert machine.leases == {}

    play(story())


def test_the_nodes_own_namespace_is_refused() -> None:
    async def story() -> None:
        machine = a_machine()
        pod = machine.a_pod()
        with machine.namespaces.inside(pod.fd):
            await machine.start()
        error = await machine.refused("ADD", pod)

        assert error["code"] == Code.INVALID_NETNS
        assert "node's own" in error["msg"]
        assert machine.leases == {}

    play(story())


def test_an_interface_that_exists_is_refused_and_left_alone() -> None:
    async def story() -> None:
        machine = await started()
        pod = machine.a_pod()
        strange = Veth(
            End(HOST, "strange", "02:00:00:00:00:01", 1500),
            End(POD, "eth0", "02:00:00:00:00:02", 1500),
        )
        machine.kernel.carry_out((strange,), {HOST: None, POD: pod.fd})
        error = await machine.refused("ADD", pod)
        await machine.settle()

        assert error["code"] == Code.INTERFACE_EXISTS
        assert machine.kernel.link(pod.fd, "eth0") is not None
        assert machine.leases == {}
        assert machine.free() == 4

    play(story())


def test_a_second_add_is_refused_and_changes_nothing() -> None:
    async def story() -> None:
        machine = await started()
        pod = await machine.run_pod()
        error = await machine.refused("ADD", pod)

        assert error["code"] == Code.INTERFACE_EXISTS
        machine.assert_consistent()
        assert len(machine.leases) == 1

    play(story())


def test_an_exhausted_node_says_why_and_stays_fit_for_status() -> None:
    async def story() -> None:
        machine = await started()
        for n in range(4):
            await machine.run_pod(f"c{n}")
        error = await machine.refused("ADD", machine.a_pod("c9"))

        assert error["code"] == Code.TRY_AGAIN_LATER
        assert "4 held by pods" in error["msg"]
        assert "maxPodCount" in error["details"]
        assert (await machine.cni("STATUS")).exit_code == 0

    play(story())


def test_rt_10_a_full_node_falls_back_to_the_oldest_and_says_so() -> None:
    async def story() -> None:
        machine = await started()
        machine.cloud(a_vnic([10, 11]))
        await machine.settle()
        for name in ("c1", "c2"):
            await machine.delete(await machine.run_pod(name))
            await machine.agent.reaper.reap()
            machine.clock.forward(10)

        assert await machine.add(machine.a_pod("c3")) == "10.0.8.10"
        (said,) = machine.heard("reused-early")
        assert "attachment=mooring/c3/eth0 address=10.0.8.10 rest=" in said
        await machine.agent.report()
        assert json.loads(machine.disk.files["status.json"])["pool"]["early"] == 1
        machine.assert_consistent()

    play(story())


def test_rt_03_an_early_address_that_came_to_nothing_rests_on() -> None:
    async def story() -> None:
        machine = await started()
        machine.cloud(a_vnic([10]))
        await machine.settle()
        await machine.delete(await machine.run_pod())
        await machine.agent.reaper.reap()
        (ends,) = machine.agent.book.ledger.pool.cooling.values()
        machine.nft.refuse_next("no")
        await machine.refused("ADD", machine.a_pod("c2"))
        await machine.agent.reaper.reap()

        assert list(machine.agent.book.ledger.pool.cooling.values()) == [ends]

    play(story())


def test_an_address_is_not_used_again_before_it_has_cooled_down() -> None:
    async def story() -> None:
        machine = await started()
        machine.cloud(a_vnic([10, 11, 12]))
        await machine.settle()
        first = await machine.run_pod()
        await machine.delete(first)
        await machine.settle()

        assert await machine.add(machine.a_pod("c2")) == "10.0.8.11"
        machine.clock.forward(30)
        assert await machine.add(machine.a_pod("c3")) == "10.0.8.12"
        assert await machine.add(machine.a_pod("c4")) == "10.0.8.10"
        assert machine.heard("reused-early") == []

    play(story())


def test_a_full_disk_refuses_pods_and_lets_them_go() -> None:
    async def story() -> None:
        machine = await started()
        pod = await machine.run_pod()
        machine.disk.full = True
        error = await machine.refused("ADD", machine.a_pod("c2"))

        assert error["code"] == Code.IO_FAILURE
        assert "full" in error["details"]
        assert list(machine.leases) == [pod.id]
        await machine.delete(pod)
        await machine.agent.reaper.reap()
        assert machine.leases == {}

        machine.disk.full = False
        await machine.run_pod("c3")
        await machine.settle()
        machine.assert_consistent()

    play(story())


def test_a_disk_that_fills_up_during_an_add_leaves_nothing() -> None:
    async def story() -> None:
        machine = await started()
        pod = machine.a_pod()

        machine.disk.full_after = 1
        error = await machine.refused("ADD", pod)
        assert error["code"] == Code.IO_FAILURE
        machine.disk.full_after, machine.disk.full = None, False
        await machine.settle()
        machine.assert_consistent()
        assert machine.leases == {}

    play(story())


STEPS = 8


@pytest.mark.parametrize("step", range(1, STEPS + 1))
def test_a_refused_step_leaves_nothing_and_costs_no_address(step: int) -> None:
    async def story() -> None:
        machine = await started()
        pod = machine.a_pod()
        machine.kernel.refuse_step(step, EPERM)
        error = await machine.refused("ADD", pod)
        await machine.agent.reaper.reap()
        machine.agent.book.reclaim()

        assert error["code"] == Code.KERNEL_REFUSED
        assert machine.leases == {}
        assert machine.host_ends() == set()
        assert machine.kernel.link(pod.fd, "eth0") is None
        assert machine.free() == 4
        machine.assert_consistent()
        await machine.add(pod)

    play(story())


def test_there_are_as_many_steps_as_that() -> None:
    async def story() -> None:
        machine = await started()
        machine.kernel.refuse_step(STEPS + 1)
        await machine.run_pod()

    play(story())


def test_a_refusal_says_which_step() -> None:
    async def story() -> None:
        machine = await started()
        machine.kernel.refuse(Address, EPERM)
        error = await machine.refused("ADD", machine.a_pod())

        assert "address 10.0.8.10/32 on eth0 in the pod" in error["msg"]

    play(story())


def test_a_pod_that_may_not_send_is_not_attached() -> None:
    async def story() -> None:
        machine = await started()
        machine.nft.refuse_next("no")
        error = await machine.refused("ADD", machine.a_pod())
        await machine.settle()

        assert error["code"] == Code.KERNEL_REFUSED
        machine.assert_consistent()

    play(story())


def test_a_table_that_is_gone_is_written_by_the_next_add() -> None:
    async def story() -> None:
        machine = await started()
        await machine.run_pod("c1")
        machine.nft.run("delete table inet mooring\n")
        await machine.run_pod("c2")

        machine.assert_consistent()
        assert len(machine.nft.elements(PODS4)) == 2

    play(story())


def test_an_element_of_former_times_gives_way() -> None:
    async def story() -> None:
        machine = await started()
        pod = machine.a_pod()
        name = host_link(pod.id)
        machine.nft.run(
            f'add element inet mooring pods4 {{ "{name}" . 10.0.8.10 : 0x00050000 }}\n'
        )
        await machine.add(pod)

        machine.assert_consistent()

    play(story())


def test_a_host_end_of_former_times_gives_way() -> None:
    async def story() -> None:
        machine = await started()
        pod, former = machine.a_pod(), machine.a_pod("former")
        stale = Veth(
            End(HOST, host_link(pod.id), "02:00:00:00:00:01", 1500),
            End(POD, "eth9", "02:00:00:00:00:02", 1500),
        )
        machine.kernel.carry_out((stale,), {HOST: None, POD: former.fd})
        await machine.add(pod)

        machine.assert_consistent()

    play(story())


def test_a_path_that_leads_elsewhere_is_not_believed() -> None:
    async def story() -> None:
        machine = await started()
        pod = machine.a_pod()
        other = machine.a_pod("other")
        await machine.add(replace(pod, fd=other.fd))

        assert machine.leases[pod.id].netns.path == ""

    play(story())


def test_a_name_too_long_for_an_alias_is_refused() -> None:
    async def story() -> None:
        machine = await started()
        error = await machine.refused("ADD", machine.a_pod("c" * 240))

        assert error["code"] == Code.INVALID_ENVIRONMENT
        assert error["msg"] == (
            f'CNI_CONTAINERID="{"c" * 79}…: must have 211 characters at most, has 240:'
            " too long for a link's alias (255 bytes) beside network, interface and"
            " addresses"
        )
        assert machine.leases == {}

    play(story())


def test_del_succeeds_any_number_of_times() -> None:
    async def story() -> None:
        machine = await started()
        pod = await machine.run_pod()
        await machine.delete(pod)
        await machine.delete(pod)
        machine.end(pod)
        await machine.delete(pod)
        await machine.settle()
        await machine.delete(pod)

        machine.assert_consistent()
        assert machine.leases == {}
        assert machine.free() == 3

    play(story())


def test_del_cuts_the_pod_off_before_its_link_is_gone() -> None:
    async def story() -> None:
        machine = await started()
        pod = await machine.run_pod()
        await machine.delete(pod)

        assert machine.nft.elements(PODS4) == {}
        seen = machine.kernel.look(HOST, None)
        assert not [r for r in seen.routes if str(r.destination) == "10.0.8.10/32"]
        assert machine.host_ends() == {host_link(pod.id)}
        assert pod.id in machine.leases

    play(story())


def test_del_of_an_unknown_pod_removes_its_link() -> None:
    async def story() -> None:
        machine = await started()
        pod = machine.a_pod()
        stale = Veth(
            End(HOST, host_link(pod.id), "02:00:00:00:00:01", 1500),
            End(POD, "eth0", "02:00:00:00:00:02", 1500),
        )
        machine.kernel.carry_out((stale,), {HOST: None, POD: pod.fd})
        await machine.delete(pod)
        await machine.agent.reaper.reap()

        assert machine.host_ends() == set()

    play(story())


def test_del_goes_on_past_refusals() -> None:
    async def story() -> None:
        machine = await started()
        pod = await machine.run_pod()
        machine.nft.refuse_next("not now")
        machine.kernel.refuse(Route, EPERM)
        machine.kernel.refuse(Neighbour, EPERM)
        await machine.delete(pod)
        machine.kernel.relent()
        await machine.settle()

        (line,) = machine.heard("cut-refused")
        assert "not now" in line
        machine.assert_consistent()

    play(story())


def test_del_without_a_table_succeeds() -> None:
    async def story() -> None:
        machine = await started()
        pod = await machine.run_pod()
        machine.nft.run("delete table inet mooring\n")
        await machine.delete(pod)
        await machine.settle()

        machine.assert_consistent()

    play(story())


def test_a_restarted_container_waits_for_its_former_cables() -> None:
    async def story() -> None:
        machine = await started()
        pod = await machine.run_pod()
        await machine.delete(pod)
        machine.end(pod)
        again = machine.a_pod()
        adding = asyncio.create_task(machine.add(again))
        await asyncio.sleep(0)
        await machine.agent.reaper.reap()

        assert await adding == "10.0.8.11"
        machine.assert_consistent()

    play(story())


def test_a_del_that_comes_during_an_add_ends_that_pod() -> None:
    async def story() -> None:
        machine = await started()
        pod = await machine.run_pod()
        await machine.delete(pod)
        adding = asyncio.create_task(machine.cni("ADD", pod))
        await asyncio.sleep(0)
        deleting = asyncio.create_task(machine.delete(pod))
        await asyncio.sleep(0)
        await machine.agent.reaper.reap()
        await asyncio.gather(adding, deleting)
        await machine.settle()

        assert machine.leases == {}
        machine.assert_consistent()

    play(story())


def test_a_container_that_came_back_without_a_del_is_attached_anew() -> None:
    async def story() -> None:
        machine = await started()
        machine.end(await machine.run_pod())
        again = machine.a_pod()
        adding = asyncio.create_task(machine.add(again))
        await asyncio.sleep(0)
        await machine.agent.reaper.reap()

        assert await adding == "10.0.8.11"
        machine.assert_consistent()

    play(story())


def test_an_add_whose_link_was_removed_keeps_its_address() -> None:
    async def story() -> None:
        machine = await started()
        pod = await machine.run_pod()
        machine.kernel.delete_links(None, [host_link(pod.id)])

        assert await machine.add(pod) == "10.0.8.10"
        machine.assert_consistent()

    play(story())


def test_adds_of_many_containers_get_addresses_of_their_own() -> None:
    async def story() -> None:
        machine = await started()
        pods = [machine.a_pod(f"c{n}") for n in range(4)]
        addresses = await asyncio.gather(*(machine.add(p) for p in pods))

        assert len(set(addresses)) == 4
        machine.assert_consistent()

    play(story())


def test_a_pod_is_as_it_was_added() -> None:
    async def story() -> None:
        machine = await started()
        pod = await machine.run_pod()

        assert (await machine.check(pod)).exit_code == 0

    play(story())


def test_check_allows_what_later_plugins_change() -> None:
    async def story() -> None:
        machine = await started()
        pod = await machine.run_pod()
        assert pod.prev is not None
        pod.prev["interfaces"].append({"name": "net1", "sandbox": pod.path})
        pod.prev["interfaces"][1]["mac"] = "02:00:00:00:00:99"
        cables = machine.agent.node.cables(machine.leases[pod.id])
        (ours,) = (f for f in cables if isinstance(f, Route) and f.onlink)
        spaces = {HOST: None, POD: pod.fd}
        machine.kernel.take_back((ours,), spaces)
        machine.kernel.carry_out((replace(ours, gateway=None, onlink=False),), spaces)

        assert (await machine.check(pod)).exit_code == 0

    play(story())


async def changed(machine: Machine, pod: Pod) -> str:
    answer = await machine.check(pod)
    error = json.loads(answer.stdout)
    assert error["code"] == Code.NOT_AS_ADDED
    return str(error["msg"])


def test_check_names_what_is_missing() -> None:
    async def story() -> None:
        machine = await started()
        pod = await machine.run_pod()
        spaces = {HOST: None, POD: pod.fd}
        address = Address(POD, "eth0", IPv4Interface("10.0.8.10/32"))
        machine.kernel.take_back((address,), spaces)

        assert "address 10.0.8.10/32 on eth0 in the pod" in await changed(machine, pod)

    play(story())


def test_check_looks_at_the_source_check_too() -> None:
    async def story() -> None:
        machine = await started()
        pod = await machine.run_pod()
        machine.nft.run("flush set inet mooring pods4\n")

        assert "does not let the pod send" in await changed(machine, pod)

    play(story())


def test_check_compares_with_the_result() -> None:
    async def story() -> None:
        machine = await started()
        pod = await machine.run_pod()
        assert pod.prev is not None
        pod.prev["ips"][0]["address"] = "10.0.8.99/32"
        assert "has not 10.0.8.10/32" in await changed(machine, pod)
        pod.prev["interfaces"][1]["name"] = "eth7"
        assert "has no interface eth0" in await changed(machine, pod)

    play(story())


def test_check_of_another_namespace_fails() -> None:
    async def story() -> None:
        machine = await started()
        pod = await machine.run_pod()
        pod.fd = machine.a_pod("c2").fd

        assert "is another namespace" in await changed(machine, pod)

    play(story())


def test_an_add_that_waits_is_not_overtaken_by_its_own_del() -> None:
    """All three calls are there before the loop comes to what waits."""

    async def story() -> None:
        machine = await started()
        pod = await machine.run_pod()
        env = {
            "CNI_CONTAINERID": pod.name,
            "CNI_NETNS": pod.path,
            "CNI_IFNAME": "eth0",
            "CNI_PATH": "/opt/cni/bin",
        }
        conf = b'{"cniVersion": "1.1.0", "name": "mooring", "type": "mooring"}'
        add, end = (Call({**env, "CNI_COMMAND": c}, conf) for c in ("ADD", "DEL"))
        respond = machine.agent.respond
        assert isinstance(respond(end, pod.fd), Answer)
        first = respond(add, pod.fd)
        second = respond(end, pod.fd)
        assert not isinstance(first, Answer)
        assert not isinstance(second, Answer)
        tasks = [asyncio.ensure_future(each) for each in (first, second)]
        await asyncio.sleep(0)
        await machine.agent.reaper.reap()
        for answer in await asyncio.gather(*tasks):
            assert answer.exit_code == 0
        await machine.settle()
        assert machine.leases == {}
        assert not machine.agent.attachments.is_busy(pod.name)

    play(story())


def test_a_call_that_is_dropped_before_it_began_keeps_nobody_waiting() -> None:
    async def story() -> None:
        turns = Turns()

        async def work() -> int:
            async with turns.of("c1"):
                await asyncio.sleep(0)
                return 7

        dropped, other = (turns.expect("c1", work()) for _ in range(2))
        assert turns.taken("c1")
        dropped.close()
        dropped.close()
        assert turns.taken("c1")
        assert await other == 7
        other.close()
        assert not turns.taken("c1")
        late = asyncio.ensure_future(turns.expect("c1", work()))
        await asyncio.sleep(0)
        assert turns.taken("c1")
        late.cancel()
        with pytest.raises(asyncio.CancelledError):
            await late
        assert not turns.taken("c1")

    play(story())


def test_check_of_an_unknown_container_fails() -> None:
    async def story() -> None:
        machine = await started()
        pod = machine.a_pod()
        pod.prev = {"cniVersion": "1.1.0"}
        error = json.loads((await machine.check(pod)).stdout)

        assert error["code"] == Code.UNKNOWN_CONTAINER

    play(story())


def test_status_before_the_node_is_ready_says_what_is_missing() -> None:
    async def story() -> None:
        machine = a_machine()
        machine.objects.statuses.clear()
        await machine.agent.follow()
        error = await machine.refused("STATUS")

        assert error["code"] == Code.NOT_AVAILABLE
        assert "not begun" in error["details"]

    play(story())


def test_version_is_answered() -> None:
    async def story() -> None:
        machine = a_machine()
        answer = await machine.cni("VERSION")

        assert "1.1.0" in json.loads(answer.stdout)["supportedVersions"]

    play(story())


def test_a_broken_call_is_refused_in_its_own_version() -> None:
    async def story() -> None:
        machine = await started()
        error = await machine.refused(
            "ADD", machine.a_pod(), name="", cniVersion="0.4.0"
        )

        assert (error["code"], error["cniVersion"]) == (Code.INVALID_CONFIG, "0.4.0")

    play(story())


def valid(*pods: Pod) -> list[dict[str, str]]:
    return [{"containerID": p.name, "ifname": "eth0"} for p in pods]


def test_gc_ends_what_the_runtime_does_not_know() -> None:
    async def story() -> None:
        machine = await started()
        kept, dropped = await machine.run_pod("c1"), await machine.run_pod("c2")
        other = await machine.run_pod("c3", network="other")
        answer = await machine.cni("GC", **{"cni.dev/valid-attachments": valid(kept)})
        await machine.settle()

        assert answer.exit_code == 0
        assert set(machine.leases) == {kept.id, other.id}
        assert dropped.id not in machine.leases
        machine.assert_consistent()

    play(story())


def test_gc_without_a_list_ends_only_what_is_gone() -> None:
    async def story() -> None:
        machine = await started()
        alive, gone = await machine.run_pod("c1"), await machine.run_pod("c2")
        unplugged = await machine.run_pod("c3")
        machine.end(gone)
        machine.kernel.delete_links(None, [host_link(unplugged.id)])
        await machine.cni("GC")
        await machine.agent.reaper.reap()

        assert set(machine.leases) == {alive.id, unplugged.id}

    play(story())


def test_gc_removes_links_that_neither_side_knows() -> None:
    async def story() -> None:
        machine = await started()
        pod, other = machine.a_pod("c8"), machine.a_pod("c9")
        for owner, words in ((pod, "mooring/c8"), (other, "another/c9")):
            alias = f"mooring:{words}/eth0 10.0.8.77 1 5"
            stale = Veth(
                End(HOST, f"moor{owner.name}", "02:00:00:00:00:01", 1500, alias=alias),
                End(POD, "eth0", "02:00:00:00:00:02", 1500),
            )
            machine.kernel.carry_out((stale,), {HOST: None, POD: owner.fd})
        await machine.cni("GC", **{"cni.dev/valid-attachments": []})
        await machine.agent.reaper.reap()

        assert machine.host_ends() == {"moorc9"}

    play(story())


def test_links_that_cannot_be_deleted_are_tried_again() -> None:
    async def story() -> None:
        machine = await started()
        pod = await machine.run_pod()
        machine.kernel.stuck = {host_link(pod.id)}
        await machine.delete(pod)

        assert not await machine.agent.reaper.reap()
        assert pod.id in machine.leases
        assert machine.heard("reap-refused")
        machine.kernel.stuck = set()
        assert await machine.agent.reaper.reap()
        assert machine.leases == {}

    play(story())


def test_an_add_does_not_wait_for_ever_for_stuck_cables() -> None:
    async def story() -> None:
        machine = await started()
        pod = await machine.run_pod()
        machine.kernel.stuck = {host_link(pod.id)}
        await machine.delete(pod)
        machine.agent.attachments.patience = 0.01
        error = await machine.refused("ADD", pod)

        assert error["code"] == Code.TRY_AGAIN_LATER
        assert "being removed" in error["msg"]

    play(story())


def test_the_lo_of_a_pod_is_up() -> None:
    async def story() -> None:
        machine = await started()
        pod = await machine.run_pod()
        link = machine.kernel.link(pod.fd, "lo")

        assert link is not None
        assert link.up
        assert LinkUp(POD, "lo") in machine.agent.node.cables(machine.leases[pod.id])

    play(story())
