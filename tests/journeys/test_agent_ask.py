"""The agent does at once what `mooring audit --repair` asks for, and nothing else; on fakes."""

import json

from journeys.agent_fakes import Machine, Pod, a_machine, a_vnic, play

from mooring.core.cni.frames import ASK, DONE, Answer, Call
from mooring.core.linux.plan import HOST, POD, Route
from mooring.core.wiring.words import say

REPAIR = Call({ASK: "repair"}, b"")


async def spoilt(pods: int) -> tuple[Machine, list[Route]]:
    """A machine that lost the route to each of its pods; a pod came just now."""
    machine = a_machine()
    machine.cloud(a_vnic(range(10, 50)))
    await machine.start()
    lost = []
    for number in range(pods):
        pod: Pod = await machine.run_pod(f"c{number}")
        cables = machine.agent.node.cables(machine.leases[pod.id])
        lost += [f for f in cables if isinstance(f, Route) and f.space == HOST]
    machine.kernel.take_back(tuple(lost), {HOST: None})
    return machine, lost


def test_what_drifted_comes_back_at_once() -> None:
    async def story() -> None:
        machine, lost = await spoilt(20)

        assert await machine.agent.serve(REPAIR, None) == DONE
        assert set(lost) <= machine.kernel.look(HOST, None).routes
        told = "\n".join(machine.heard("repaired"))
        assert all(say(fact) in told for fact in lost)

    play(story())


def test_every_pod_is_looked_into() -> None:
    async def story() -> None:
        machine, _ = await spoilt(40)
        for lease in machine.leases.values():
            inside = [
                fact
                for fact in machine.agent.node.cables(lease)
                if isinstance(fact, Route) and fact.space == POD
            ]
            fd = machine.namespaces.open_fd(lease.netns.path)
            machine.kernel.take_back(tuple(inside), {POD: fd})
        assert await machine.agent.serve(REPAIR, None) == DONE
        told = [what for what in machine.heard("repaired") if "in the pod" in what]
        assert len(told) == 2 * 40

    play(story())


def test_the_journal_is_written_anew() -> None:
    async def story() -> None:
        machine, _ = await spoilt(1)
        whole = machine.disk.read()
        machine.disk.replace(b"rubbish")

        assert await machine.agent.serve(REPAIR, None) == DONE
        assert machine.disk.read().split(b"\n")[0] == whole.split(b"\n")[0]

    play(story())


def test_another_wish_is_refused_by_name() -> None:
    async def story() -> Answer:
        machine, _ = await spoilt(0)
        return await machine.agent.serve(Call({ASK: "sing"}, b""), None)

    answer = play(story())
    assert answer.exit_code == 1
    assert "'sing': must be repair" in json.loads(answer.stdout)["msg"]


def test_a_look_that_the_kernel_refuses_is_told_of() -> None:
    async def story() -> Answer:
        machine, _ = await spoilt(0)
        machine.kernel.blind = True
        return await machine.agent.serve(REPAIR, None)

    answer = play(story())
    assert answer.exit_code == 1
    assert "the look was too large" in json.loads(answer.stdout)["msg"]
