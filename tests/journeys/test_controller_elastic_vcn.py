"""An elastic pool, and a splintered subnet, against a local VCN through the official SDK.

The agent is played by what it would tell; a real one is in `test_agent_elastic`.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from journeys.local_vcn import LocalVcn, an_estate, an_instance, local_vcn, mooring
from patience import until

from mooring.adapters.objects import ObjectDirectory
from mooring.adapters.oci import Access, OciCloud
from mooring.controller.gate import PacedGate
from mooring.controller.look import Looker
from mooring.controller.npn import Reconciler, Turn
from mooring.core.npn.elastic import PATIENCE
from mooring.core.npn.memory import Memory
from mooring.core.npn.record import Npn, NpnSpec, NpnStatus
from mooring.core.npn.usage import Usage


@dataclass
class Desk:
    """A controller's turns, taken by hand; its time moves only when a test says so."""

    vcn: LocalVcn
    directory: Path
    now: float = 1000.0
    memory: dict[str, Memory] = field(default_factory=dict)
    subnet: str = ""

    def __post_init__(self) -> None:
        self.directory.mkdir()
        self.subnet = an_estate(self.vcn)[1].id
        self.access = Access(
            config=str(self.vcn.config_file),
            profile="DEFAULT",
            endpoint=self.vcn.endpoint,
        )
        self.cloud = OciCloud(self.access, PacedGate(time.monotonic, lambda _: False))
        self.objects = ObjectDirectory(self.directory)
        looker = Looker(self.cloud, lambda: self.now)
        self.reconciler = Reconciler(self.objects, looker, lambda: 0.5)

    def node(self, pool: str | None, pods: int = 31) -> str:
        instance = an_instance(self.vcn, self.subnet)
        name: str = instance.id.rsplit(".", 1)[-1]
        spec = NpnSpec(
            id=instance.id, pod_subnet_ids=(self.subnet,), max_pod_count=pods
        )
        self.objects.write(Npn(name=name, spec=spec, pool=pool))
        return name

    def turn(self, name: str) -> Turn:
        turn = self.reconciler.turn(name, self.memory.get(name, Memory()))
        self.memory[name] = turn.memory
        return turn

    def settle(self, name: str) -> list[str]:
        """Take turns until nothing more is to be done; what they said."""
        said = []
        for _ in range(400):
            turn = self.turn(name)
            said.append(turn.said)
            if turn.settled:
                return said
            time.sleep(min(turn.pause or 0.0, 0.05))
        raise AssertionError(said[-5:])

    def status(self, name: str) -> NpnStatus:
        return self.objects.read_status(name)

    def reason(self, name: str) -> str:
        return next(c.message for c in self.status(name).conditions if c.type == "Pool")

    def sizes(self, name: str) -> list[int]:
        (vnic,) = self.status(name).vnics
        held = self.cloud.addresses(vnic.vnic_id)
        return sorted(a.block.num_addresses for a in held if not a.is_primary)

    def listed(self, name: str) -> list[IPv4Address]:
        pairs = [p.v4 for v in self.status(name).vnics for p in v.pod_addresses]
        return [address for address in pairs if address]

    def tell(self, name: str, held: int) -> None:
        """Be the agent: it follows the status, and so many of the first are held."""
        pool, listed = self.status(name).pool, self.listed(name)
        assert pool is not None
        usage = Usage(
            serial=pool.serial,
            held=frozenset(listed[:held]),
            free=frozenset(listed[held:]),
        )
        self.objects.write_usage(name, usage)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    place = tmp_path_factory.mktemp("elastic")
    with local_vcn(place) as vcn:
        made = Desk(vcn, place / "npn")
        yield made
        made.cloud.close()


def test_rt_11_a_pool_grows_with_its_pods_and_gives_back_what_they_leave(
    desk: Desk,
) -> None:
    name = desk.node("warmTarget=4,minimum=3")
    desk.settle(name)
    desk.tell(name, held=0)
    assert desk.sizes(name) == [8]
    assert len(desk.listed(name)) == 7

    desk.tell(name, held=6)
    said = desk.settle(name)
    desk.tell(name, held=6)
    assert desk.sizes(name) == [4, 8]
    assert desk.reason(name) == "grow 4: free 1 below warm target 4 (held 6, cooling 0)"
    assert any("taking a /30" in s for s in said)
    assert any(desk.reason(name) in s for s in said)

    desk.tell(name, held=0)
    desk.settle(name)
    desk.now += PATIENCE
    desk.settle(name)
    assert len(desk.listed(name)) == 7
    assert desk.sizes(name) == [4, 8]  # the agent has not let go of it yet
    assert desk.reason(name).startswith("shrink 4: free 11 above warm target 4")

    desk.tell(name, held=0)
    said = desk.settle(name)
    assert desk.sizes(name) == [8]
    assert any(s.startswith("done giving back 10.0.0.") for s in said)
    assert desk.status(name).state == "SUCCESS"


def test_rt_15_a_node_in_a_splintered_subnet_becomes_ready_and_says_why(
    desk: Desk,
) -> None:
    fault = ("vcn", "fault", "add", "fragment-subnet", "--state", str(desk.vcn.state))
    done = mooring(*fault, "--subnet", desk.subnet, "--prefix", "30")
    assert done.returncode == 0, done.stderr
    name = desk.node(None, pods=12)
    desk.settle(name)

    assert len(desk.listed(name)) == 12
    assert max(desk.sizes(name)) <= 2
    (told,) = [c for c in desk.status(name).conditions if c.type == "Fragmented"]
    assert (told.status, told.reason) == ("True", "NoLargeBlock")
    assert f"13 addresses of {desk.subnet} in 7 pieces" in told.message
    mooring("vcn", "fault", "clear", "--state", str(desk.vcn.state))


def test_work_that_outlives_a_turn_and_its_controller_is_not_asked_for_again(
    desk: Desk,
) -> None:
    """The first controller, which knows of no block that is free, is not told how its work stands."""
    cloud = OciCloud(desk.access, PacedGate(time.monotonic, lambda _: False), 0.0)
    patient = desk.reconciler
    desk.reconciler = Reconciler(
        desk.objects, Looker(cloud, lambda: desk.now), lambda: 0.5
    )
    name = desk.node(None, pods=12)
    desk.memory[name] = Memory(caps={desk.subnet: 1})
    unseen = (
        "--operation",
        "GetWorkRequest",
        "--status",
        "404",
        "--code",
        "NotAuthorizedOrNotFound",
        "--count",
        "1",
    )
    state = ("--state", str(desk.vcn.state))
    hidden = mooring("vcn", "fault", "add", "error", *unseen, *state)
    assert hidden.returncode == 0, hidden.stderr
    until(
        lambda: desk.turn(name).said.startswith("under way BulkCreatePrivateIps"),
        lambda: desk.status(name),
    )
    begun = desk.status(name).work
    desk.memory[name] = Memory()
    desk.settle(name)
    cloud.close()
    desk.reconciler = patient

    assert begun.startswith("ocid1.")
    assert cloud.counts()["BulkCreatePrivateIps", "OK"] == 1
    assert ("CreatePrivateIp", "OK") not in cloud.counts()
    assert desk.sizes(name) == [1] * 13
    assert desk.status(name).work == ""
