"""An agent on a machine of fakes, which can be killed between any two steps."""

import asyncio
import json
from collections.abc import Coroutine, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from errno import EBUSY, ENOBUFS
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Network,
)
from itertools import zip_longest
from typing import Any, TypeVar

from fakes.clock import FakeClock
from fakes.disk import FakeDisk
from fakes.fastpath import FakeFastPath
from fakes.kernel import FakeKernel
from fakes.netns import FakeNamespaces
from fakes.nft import FakeNft
from fakes.objects import FakeObjects

from mooring.agent.host import Host
from mooring.agent.run import Agent, Cluster, Settings
from mooring.core.cni.frames import Answer, Call
from mooring.core.cni.request import AttachmentId
from mooring.core.ipam.ledger import Lease, Phase
from mooring.core.ipam.port import DiskError
from mooring.core.kube.port import Pods
from mooring.core.linux import drift
from mooring.core.linux.nft import Element, SetPath
from mooring.core.linux.plan import HOST, POD, Address, Fact, LinkUp, Plan, Route
from mooring.core.linux.port import KernelError, Spaces
from mooring.core.linux.seen import Seen
from mooring.core.npn.record import Npn, NpnSpec, NpnStatus, Pair, VnicStatus
from mooring.core.wiring import pod as pod_wiring
from mooring.core.wiring import ruleset, strays
from mooring.core.wiring.names import host_link
from mooring.core.wiring.ruleset import PODS4, PODS6

NAME = "agenttest"
T = TypeVar("T")
PRIMARY_MAC, VNIC_MAC, OTHER_MAC = (f"02:00:17:00:00:0{n}" for n in (3, 5, 6))


class Killed(BaseException):
    """The agent's process ended here, without another word."""


class Fuse:
    """Kills whoever burns it for the n-th time, and all who come after, until reset.

    It is burned before every step that changes something and told after it, so that whoever
    stands in its place can kill, refuse and look on both sides (`survival.points`).
    """

    def __init__(self) -> None:
        self.burned = 0
        self.at: int | None = None

    def burn(self, _what: str = "", _about: object = None) -> None:
        self.burned += 1
        if self.at is not None and self.burned >= self.at:
            raise Killed

    def done(self, what: str) -> None:
        """Hear that a step was made."""

    def glance(self, what: str) -> None:
        """Hear that somebody looks."""

    def goes_on(self) -> bool:
        """Tell whether facts behind a refused one are made: they travel in batches."""
        return False

    def reset(self, at: int | None = None) -> None:
        self.burned, self.at = 0, at


class MortalKernel(FakeKernel):
    """A kernel whose user can be killed before each fact."""

    def __init__(self, namespaces: FakeNamespaces, fuse: Fuse) -> None:
        super().__init__(namespaces)
        self._fuse = fuse
        self.stuck: set[str] = set()
        self.blind = False

    def look(self, space: str, fd: int | None) -> Seen:
        if self.blind:
            raise KernelError(None, ENOBUFS, "the look was too large")
        self._fuse.glance("kernel look")
        return super().look(space, fd)

    def carry_out(self, plan: Iterable[Fact], spaces: Spaces) -> None:
        facts = tuple(plan)
        for number, fact in enumerate(facts, start=1):
            try:
                self._fuse.burn("kernel make", fact)
                super().carry_out((fact,), spaces)
                self._fuse.done("kernel make")
            except KernelError:
                rest = facts[number:] if self._fuse.goes_on() else ()
                for each in rest:
                    with suppress(KernelError):
                        super().carry_out((each,), spaces)
                raise

    def take_back(self, plan: Plan, spaces: Spaces) -> tuple[KernelError, ...]:
        refused: list[KernelError] = []
        for fact in reversed(plan):
            try:
                self._fuse.burn("kernel take back", fact)
                refused += super().take_back((fact,), spaces)
                self._fuse.done("kernel take back")
            except KernelError as why:
                refused.append(why)
        return tuple(refused)

    def delete_links(self, fd: int | None, names: Iterable[str]) -> None:
        wanted = list(names)
        for name in wanted:
            self._fuse.burn("kernel delete")
            if name not in self.stuck:
                super().delete_links(fd, [name])
            self._fuse.done("kernel delete")
        if self.stuck.intersection(wanted):
            raise KernelError(None, EBUSY, "stuck")


class MortalNft(FakeNft):
    """nft whose user can be killed before each transaction."""

    def __init__(self, namespaces: FakeNamespaces, fuse: Fuse) -> None:
        super().__init__(namespaces)
        self._fuse = fuse

    def run(self, script: str, fd: int | None = None) -> None:
        self._fuse.burn("nft run")
        super().run(script, fd)
        self._fuse.done("nft run")

    def set_elements(
        self,
        where: SetPath,
        *,
        add: Iterable[Element] = (),
        delete: Iterable[bytes] = (),
        fd: int | None = None,
    ) -> None:
        self._fuse.burn("nft elements")
        super().set_elements(where, add=add, delete=delete, fd=fd)
        self._fuse.done("nft elements")


class MortalDisk(FakeDisk):
    """A disk whose user can be killed before each write."""

    def __init__(self, fuse: Fuse) -> None:
        super().__init__()
        self._fuse = fuse
        self.full_after: int | None = None
        self._uncut: int | None = None

    def append(self, data: bytes, *, durable: bool) -> None:
        if self.full_after is not None:
            self.full = self.full_after == 0
            self.full_after = max(0, self.full_after - 1)
        if self._uncut is not None:  # the adapter cuts off what it could not before
            self.journal, self._uncut = self.journal[: self._uncut], None
        before = len(self.journal)
        try:
            self._fuse.burn("disk append")
            super().append(data, durable=durable)
            self._fuse.done("disk append")
        except DiskError:
            self._uncut = before
            raise

    def replace(self, data: bytes) -> None:
        self._fuse.burn("disk replace")
        super().replace(data)
        self._uncut = None
        self._fuse.done("disk replace")

    def publish(self, name: str, text: str) -> None:
        self._fuse.burn("disk publish")
        super().publish(name, text)
        self._fuse.done("disk publish")

    def set_aside(self) -> str:
        self._fuse.burn("disk set aside")
        name = super().set_aside()
        self._uncut = None
        self._fuse.done("disk set aside")
        return name

    def reopen(self) -> None:
        """Another program opens the directory: what stands there counts."""
        self._uncut = None


def v4(n: int) -> IPv4Address:
    return IPv4Address(f"10.0.8.{n}")


def v6(n: int) -> IPv6Address:
    return IPv6Address(f"fd00:8::{n:x}")


BOTH = ("IPv4", "IPv6")


def a_dual_vnic(
    fours: Iterable[int] = range(10, 14),
    sixes: Iterable[int] = range(0x10, 0x14),
    families: tuple[str, ...] = BOTH,
) -> VnicStatus:
    """The VNIC with IPv6 addresses too; what is short of one family comes last."""
    return replace(
        a_vnic(),
        ip_families=families,
        subnet_v6=IPv6Network("fd00:8::/64"),
        router=Pair(v4(1), IPv6Address("fe80::1:1")),
        host=Pair(v4(2), v6(2)),
        pod_addresses=tuple(
            Pair(v4(a) if a else None, v6(b) if b else None)
            for a, b in zip_longest(fours, sixes)
        ),
    )


def a_vnic(
    addresses: Iterable[int] = range(10, 14), name: str = "vnic-1", mac: str = VNIC_MAC
) -> VnicStatus:
    return VnicStatus(
        vnic_id=name,
        mac_address=mac,
        subnet_id="pods",
        subnet_v4=IPv4Network("10.0.8.0/24"),
        router=Pair(v4(1)),
        host=Pair(v4(2 if name == "vnic-1" else 3)),
        pod_addresses=tuple(Pair(v4(n)) for n in addresses),
    )


def success(*vnics: VnicStatus) -> NpnStatus:
    return NpnStatus(state="SUCCESS", reason="COMPLETED", vnics=vnics)


@dataclass
class Pod:
    """A container; `fd` is what the executable would hand over."""

    name: str
    fd: int | None
    network: str = "mooring"
    prev: dict[str, Any] | None = None

    @property
    def path(self) -> str:
        return f"/run/netns/{self.name}"

    @property
    def id(self) -> AttachmentId:
        return AttachmentId(self.network, self.name, "eth0")


@dataclass
class Machine:
    """The world that outlives the agent."""

    settings: Settings = field(default_factory=lambda: Settings(npn=NAME))
    said: list[str] = field(default_factory=list)
    fuse: Fuse = field(default_factory=Fuse)
    on_a_cluster: bool = False
    pods: Pods | None = None
    args: str = ""
    away: OSError | None = None

    def __post_init__(self) -> None:
        self.fast_path: FakeFastPath | None = None
        self.clock = FakeClock()
        self.namespaces = FakeNamespaces()
        self.kernel = MortalKernel(self.namespaces, self.fuse)
        self.nft = MortalNft(self.namespaces, self.fuse)
        self.disk = MortalDisk(self.fuse)
        self.objects = FakeObjects(Npn(name=NAME, spec=NpnSpec(id=f"ocid.{NAME}")))
        self.kernel.add_hardware(None, "ens3", PRIMARY_MAC, 9000)
        self.kernel.add_hardware(None, "ens5", VNIC_MAC, 1500)
        default = Route(HOST, IPv4Network("0.0.0.0/0"), "ens3", IPv4Address("10.0.2.1"))
        self.make(
            LinkUp(HOST, "ens3"),
            Address(HOST, "ens3", IPv4Interface("10.0.2.7/24")),
            default,
        )
        self.cloud(a_vnic())
        self.agent = self.new_agent()

    def make(self, *facts: Fact) -> None:
        self.kernel.carry_out(facts, {HOST: None})

    def unmake(self, *facts: Fact) -> None:
        assert self.kernel.take_back(facts, {HOST: None}) == ()

    def cloud(self, *vnics: VnicStatus) -> None:
        self.objects.write_status(NAME, success(*vnics))

    def new_agent(self) -> Agent:
        self.disk.reopen()
        host = Host(
            *(self.kernel, self.nft, self.namespaces, self.clock, self.say),
            fast_path=self.fast_path,
        )
        cluster = None
        if self.on_a_cluster:
            cluster = Cluster(self.disk, self.pods, lambda: self.away)
        return Agent(host, self.disk, self.objects, self.settings, cluster)

    def say(self, verb: str, /, **keys: object) -> None:
        self.said.append(" ".join([verb, *(f"{k}={v}" for k, v in keys.items())]))

    def heard(self, verb: str) -> list[str]:
        return [line for line in self.said if line.split()[0] == verb]

    # The agent's life.

    async def start(self) -> Agent:
        self.fuse.reset()
        self.agent = self.new_agent()
        self.agent.book.open()
        await self.settle()
        return self.agent

    async def settle(self) -> None:
        """Let the loops go round until nothing more can happen."""
        for _ in range(3):
            await self.agent.follow()
            await self.agent.reaper.reap()
            self.clock.forward(1)
            await self.agent.look_after()
        await self.agent.reaper.reap()

    # The runtime.

    def a_pod(self, name: str = "c1", network: str = "mooring") -> Pod:
        self.namespaces.create(name)
        return Pod(name, self.namespaces.open_fd(name), network)

    def end(self, pod: Pod) -> None:
        """The runtime removes the namespace."""
        if pod.fd is not None:
            self.namespaces.close(pod.fd)
            pod.fd = None
        self.namespaces.delete(pod.name)

    async def cni(self, command: str, pod: Pod | None = None, **conf: object) -> Answer:
        network = pod.network if pod else "mooring"
        version = conf.pop("cniVersion", "1.1.0")
        document = {"cniVersion": version, "name": network, "type": "mooring", **conf}
        env = {"CNI_COMMAND": command, "CNI_PATH": "/opt/cni/bin"}
        if pod is not None:
            env |= {
                "CNI_CONTAINERID": pod.name,
                "CNI_NETNS": pod.path,
                "CNI_IFNAME": "eth0",
                "CNI_ARGS": self.args or f"IgnoreUnknown=1;K8S_POD_NAME={pod.name}",
            }
        fd = pod.fd if pod else None
        return await self.agent.serve(Call(env, json.dumps(document).encode()), fd)

    async def add(self, pod: Pod) -> str:
        answer = await self.cni("ADD", pod)
        assert answer.exit_code == 0, answer.stdout
        await asyncio.sleep(0)  # it is said when it has been answered
        pod.prev = json.loads(answer.stdout)
        address: str = pod.prev["ips"][0]["address"]
        return address.removesuffix("/32")

    async def run_pod(self, name: str = "c1", network: str = "mooring") -> Pod:
        pod = self.a_pod(name, network)
        await self.add(pod)
        return pod

    async def check(self, pod: Pod) -> Answer:
        return await self.cni("CHECK", pod, prevResult=pod.prev)

    async def delete(self, pod: Pod) -> None:
        answer = await self.cni("DEL", pod)
        assert (answer.exit_code, answer.stdout) == (0, b"")

    async def refused(
        self, command: str, pod: Pod | None = None, **conf: object
    ) -> dict[str, Any]:
        answer = await self.cni(command, pod, **conf)
        assert answer.exit_code == 1, answer
        error: dict[str, Any] = json.loads(answer.stdout)
        return error

    # What must be true when nothing goes on.

    @property
    def leases(self) -> Mapping[AttachmentId, Lease]:
        return self.agent.book.ledger.leases

    def free(self) -> int:
        return sum(len(p) for p in self.agent.book.ledger.pool.free.values())

    def host_ends(self) -> set[str]:
        return set(strays.host_ends(self.kernel.links(None)))

    def assert_consistent(self) -> None:
        """Ledger, kernel and nft say the same, and so does the journal."""
        assert {x.phase for x in self.leases.values()} <= {Phase.WIRED}
        assert self.host_ends() == {host_link(a) for a in self.leases}
        wanted = ruleset.elements(ruleset.sources(self.leases.values()))
        for where in (PODS4, PODS6):
            assert self.nft.elements(where) == dict(wanted.get(where, []))
        addresses = [x.addresses for x in self.leases.values()]
        assert len(addresses) == len(set(addresses))
        seen = {HOST: self.kernel.look(HOST, None)}
        plan = self.agent.node.standing.plan()
        for lease in self.leases.values():
            cables = self.agent.node.cables(lease)
            plan += pod_wiring.host_side(cables)
            fd = self.namespaces.open_fd(lease.netns.path)
            inside = {POD: self.kernel.look(POD, fd)}
            assert drift.missing(pod_wiring.inside(cables), inside) == ()
            self.namespaces.close(fd)
        assert drift.missing(plan, seen) == ()
        assert strays.strays(seen[HOST], plan) == ()
        again = self.new_agent()
        again.book.open()
        assert again.book.ledger.leases == self.leases


def a_machine(**settings: float) -> Machine:
    return Machine(Settings(npn=NAME, **settings))


def play(story: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(story)
