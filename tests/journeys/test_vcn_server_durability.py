"""`kill -9` in the middle of a storm: what was answered is there, nothing is there twice."""

import random
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import oci
from journeys.local_vcn import LocalVcn, an_estate, eventually, local_vcn
from oci.core import models as m
from oci.exceptions import ConnectTimeout, RequestException
from patience import until

WORKERS = 4
KILLS = 4


@dataclass
class Storm:
    """Clients that create, rename and delete until told to stop, and what they were told."""

    server: LocalVcn
    subnet_id: str
    vnic_id: str
    promised: dict[str, str] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    answers: int = 0
    stop: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def blow(self, seed: str) -> None:
        """Work as one client; what is not answered is sent again with its token."""
        dice = random.Random(seed)
        network = self.server.network
        mine: list[str] = []
        step, act, unanswered = 0, "", False
        while not self.stop.is_set():
            if not unanswered:
                step += 1
                act = dice.choice(["create", "create", "rename", "delete"])
            name = f"{seed}-{step}"
            try:
                self._act(network, act, mine, name, dice)
                unanswered = False
            except (RequestException, ConnectTimeout):
                time.sleep(0.05)  # the server is down; nothing was promised
                unanswered = act == "create"
            except oci.exceptions.ServiceError as error:
                if error.status != 404:
                    self.refused.append(f"{act} {name}: {error.code} {error.message}")

    def _act(
        self,
        network: oci.core.VirtualNetworkClient,
        act: str,
        mine: list[str],
        name: str,
        dice: random.Random,
    ) -> None:
        if act == "create" and len(mine) < 14:
            ip = network.create_private_ip(
                m.CreatePrivateIpDetails(vnic_id=self.vnic_id, display_name=name),
                opc_retry_token=name,
            ).data
            mine.append(ip.id)
            self._told({ip.id: name})
        elif act == "rename" and mine:
            target = dice.choice(mine)
            # until the answer comes, either name may be the true one
            self._doubt(target, name)
            network.update_private_ip(
                target, m.UpdatePrivateIpDetails(display_name=name)
            )
            self._told({target: name})
        elif act == "delete" and mine:
            target = mine.pop(dice.randrange(len(mine)))
            self._doubt(target, "")
            network.delete_private_ip(target)
            self._told({target: ""})

    def _doubt(self, target: str, name: str) -> None:
        with self.lock:
            self.promised[target] += f"|{name}"

    def _told(self, facts: dict[str, str]) -> None:
        with self.lock:
            self.promised.update(facts)
            self.answers += 1


def a_vnic(server: LocalVcn) -> tuple[str, str]:
    """Make what the storm needs: a VNIC with room for its addresses."""
    compute, home = server.compute, server.init()["tenancy"]
    _, subnet = an_estate(server)
    instance = compute.launch_instance(
        m.LaunchInstanceDetails(
            compartment_id=home,
            availability_domain="moor:LOCAL-1-AD-1",
            shape="VM.Standard.E4.Flex",
            shape_config=m.LaunchInstanceShapeConfigDetails(ocpus=2),
            create_vnic_details=m.CreateVnicDetails(subnet_id=subnet.id),
        )
    ).data
    eventually(lambda: compute.get_instance(instance.id), "RUNNING")
    attachments = compute.list_vnic_attachments(home, instance_id=instance.id).data
    return subnet.id, attachments[0].vnic_id


def wait_for_answers(storm: Storm, more: int) -> None:
    goal = storm.answers + more
    until(lambda: storm.answers >= goal, lambda: storm.refused)


def test_a_kill_in_a_storm_of_changes_loses_nothing_that_was_answered(
    tmp_path: Path, seed: int, chance: random.Random
) -> None:
    with local_vcn(tmp_path) as server:
        storm = Storm(server, *a_vnic(server))
        workers = [
            threading.Thread(target=storm.blow, args=(f"{seed}-{n}",))
            for n in range(WORKERS)
        ]
        for worker in workers:
            worker.start()
        try:
            for _ in range(KILLS):
                wait_for_answers(storm, chance.randrange(5, 40))
                time.sleep(chance.random() * 0.02)
                assert server.kill() < 0
                server.start()
            wait_for_answers(storm, 10)
        finally:
            storm.stop.set()
            for worker in workers:
                worker.join(60)
        assert server.kill() < 0
        server.start()

        found = {
            ip.id: ip.display_name
            for ip in oci.pagination.list_call_get_all_results(
                server.network.list_private_ips, subnet_id=storm.subnet_id
            ).data
        }
        wrong = {
            name: (names, found.get(name, ""))
            for name, names in storm.promised.items()
            if found.get(name, "") not in names.split("|")
        }

        assert storm.refused == []
        assert wrong == {}
        assert storm.answers > KILLS * 5
