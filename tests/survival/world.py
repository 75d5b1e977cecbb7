"""One node, its agent, the controller, the cloud, a runtime: each can be stopped anywhere.

The kernel, nft, disk, namespaces, the store of objects and the cloud are the fakes that pass
the adapters' contracts; agent and controller are the programs' own services.
"""

import asyncio
import json
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, ip_interface
from typing import Any, cast

from fakes.cloud import FakeCloud
from fakes.kernel import FakeKernel
from fakes.netns import HOME
from fakes.spool import FakeSpool
from journeys.agent_fakes import NAME, PRIMARY_MAC, Killed, Pod

from mooring.agent.carry import Terms
from mooring.agent.run import Settings
from mooring.controller.look import Looker
from mooring.controller.npn import Reconciler
from mooring.core.cni.frames import Answer, Call, encode_call
from mooring.core.cni.spool import WRITTEN, SpooledDel
from mooring.core.ipam.pool import parts
from mooring.core.ipam.port import DiskError
from mooring.core.linux.ctnetlink import Flow
from mooring.core.linux.plan import HOST, Address, Ip, LinkUp, Route
from mooring.core.linux.port import KernelError, NftError
from mooring.core.npn.memory import Memory
from mooring.core.npn.port import Cloud, Objects
from mooring.core.npn.record import NpnSpec
from mooring.core.npn.seen import AddressSeen
from survival.machine import StoryMachine
from survival.points import Points
from survival.witness import Broken, Told, Witness

INSTANCE = f"ocid.{NAME}"
COOLDOWN = 5.0
PREFIX6 = "fd00:8::/64"
PEER = IPv4Address("203.0.113.7")
TCP, SYN_SECONDS = 6, 120
MISHAPS = (KernelError, NftError, DiskError, OSError)
"""What a turn of the agent may end with; anything else is a defect."""

BOOT_SECONDS = 20.0
PRIMARY = (
    LinkUp(HOST, "ens3"),
    Address(HOST, "ens3", IPv4Interface("10.0.2.7/24")),
    Route(HOST, IPv4Network("0.0.0.0/0"), "ens3", IPv4Address("10.0.2.1")),
)
CHANGES = frozenset({"carry_out", "write_status", "remove"})


@dataclass
class Sandbox:
    """A container as the runtime knows it."""

    pod: Pod
    ran: bool = False
    stays: bool = True

    @property
    def name(self) -> str:
        return self.pod.name


class Stepped:
    """An adapter of the controller, with a point before and after each change."""

    def __init__(
        self, inner: object, points: Points, after: Callable[[], None]
    ) -> None:
        self._inner, self._points, self._after = inner, points, after

    def __getattr__(self, name: str) -> Callable[..., object]:
        method = getattr(self._inner, name)
        if name not in CHANGES:
            return cast("Callable[..., object]", method)

        def step(*arguments: object) -> object:
            what = name
            if name == "carry_out":  # named by what is asked of the cloud
                what = type(arguments[0]).__name__
            self._points.burn(f"cloud {what}")
            answer = method(*arguments)
            self._after()
            self._points.done(f"cloud {what}")
            return answer

        return step


class SteppedSpool(FakeSpool):
    """The spool, with a point before and after a file is removed."""

    def __init__(self, files: dict[str, bytes], points: Points) -> None:
        super().__init__(files, lambda _line: None)
        self._points = points

    def done(self, item: SpooledDel) -> None:
        self._points.burn("spool done")
        super().done(item)
        self._points.done("spool done")


@dataclass
class World:
    """All of it. `pods` is the spec's maxPodCount, `pool` the policy of an elastic pool.

    `robbed` are addresses that somebody took away in the cloud behind everybody's back.
    """

    chance: random.Random
    pods: int = 4
    families: tuple[str, ...] = ("IPv4",)
    list_lag: float = 0.0
    attach_seconds: float = 0.0
    pool: str = ""
    fast: bool = False
    robbed: set[Ip] = field(default_factory=set)
    sandboxes: dict[str, Sandbox] = field(default_factory=dict)
    spool: dict[str, bytes] = field(default_factory=dict)
    offered: frozenset[Ip] = frozenset()
    time: float = 0.0
    serial: int = 0

    def __post_init__(self) -> None:
        self.points, self.controls = Points(), Points()
        settings = Settings(npn=NAME, cooldown=COOLDOWN, carried=Terms(after=0.0))
        self.machine = StoryMachine(settings, fuse=self.points)
        if self.fast:
            self.machine.give_fast_path()
        self.witness = Witness(self.machine, COOLDOWN)
        self.points.watch = self._hear
        FakeKernel.delete_links(self.machine.kernel, None, ["ens5"])
        self.cloud = FakeCloud(
            now=lambda: self.time,
            list_lag=self.list_lag,
            attach_seconds=self.attach_seconds,
        )
        self.cloud.add_subnet("workers", "10.0.2.0/24")
        six = (PREFIX6,) if "IPv6" in self.families else ()
        self.cloud.add_subnet("pods", "10.0.8.0/24", *six)
        self.cloud.add_instance(INSTANCE, "workers")
        self.machine.objects.statuses.clear()
        self.want(self.pods)
        self.memory = Memory()
        self.named: set[tuple[str, Ip]] = set()
        self.points.kill()
        self.points.deaths = 0
        self._reaping = asyncio.Lock()

    # Time.

    def forward(self, seconds: float) -> None:
        """Let time go by."""
        self.machine.clock.forward(seconds)
        self.time += seconds

    def _hear(self, what: str) -> None:
        self.witness.now = self.time
        self.witness.hear(what)

    def look(self) -> None:
        """Let the witness see what the world did."""
        self.witness.now = self.time
        self.witness.look_at_kernel()

    # The agent's life.

    @property
    def away(self) -> bool:
        return self.points.dead

    async def start(self) -> None:
        """A supervisor starts the agent, if it is dead; it may die again."""
        if not self.away:
            return
        self._end_process()
        self.points.revive()
        self.machine.agent = self.machine.new_agent()
        with suppress(Killed):
            try:
                self.machine.agent.book.open()
            except DiskError:  # the program ends with these words; it is started again
                self.points.kill()
                return
            await self.replay()

    def _end_process(self) -> None:
        """What the kernel does for a dead process: its descriptors are closed."""
        for fd in list(self.machine.namespaces.open_fds):
            self.machine.namespaces.close(fd)
        self.look()

    async def turn(self, name: str) -> None:
        """Take a turn of one of the agent's loops."""
        if self.away:
            return
        agent = self.machine.agent
        turns = {
            "follow": self._follow,
            "look": agent.look_after,
            "reap": self._reap,
            "flows": agent.flows.turn,
            "account": agent.account,
            "report": agent.report,
            "replay": self.replay,
        }
        with suppress(Killed, *MISHAPS):
            await turns[name]()

    async def _reap(self) -> None:
        async with self._reaping:  # there is one reaper
            if not self.away:
                await self.machine.agent.reaper.reap()

    async def _follow(self) -> None:
        status = self.machine.objects.statuses.get(NAME)
        vnics = status.vnics if status else ()
        pairs = [pair for vnic in vnics for pair in vnic.pod_addresses]
        now = frozenset(a for pair in pairs for a in parts(pair))
        self.offered |= now  # it may be taken although the look after it is refused
        await self.machine.agent.follow()
        self.offered = now

    async def replay(self) -> None:
        await self.machine.agent.replay(SteppedSpool(self.spool, self.points))

    async def reboot(self) -> None:
        """The machine loses power, and comes back."""
        self.points.kill()
        self._end_process()
        machine = self.machine
        self.witness.now = self.time
        self.witness.power_cut()
        machine.clock.reboot()
        self.time += BOOT_SECONDS
        disk = machine.disk
        unsynced = len(disk.journal) - disk.synced
        if (
            unsynced > 0
        ):  # a page that was not written back is there in part, or not at all
            keep = disk.synced + self.chance.randint(0, unsynced)
            disk.journal = disk.journal[:keep]
        disk.synced = min(disk.synced, len(disk.journal))
        disk.files.clear()
        for sandbox in self.sandboxes.values():
            machine.namespaces.delete(sandbox.name)
            sandbox.ran = sandbox.stays = False
        machine.kernel.end_space(HOME)
        machine.nft._end_space(HOME)
        machine.conntrack.known.clear()
        if self.fast:
            machine.give_fast_path()
        machine.kernel.add_hardware(None, "ens3", PRIMARY_MAC, 9000)
        FakeKernel.carry_out(machine.kernel, PRIMARY, {HOST: None})
        self.plug()

    # The controller's life.

    def control(self, turns: int) -> bool:
        """Take turns of the controller; tell whether the object is settled."""
        settled = False
        for _ in range(turns):
            looker = Looker(self._stepped(self.cloud), lambda: self.time)
            objects = cast("Objects", self._stepped(self.machine.objects))
            reconciler = Reconciler(objects, looker, self.chance.random, 30.0)
            try:
                turn = reconciler.turn(NAME, self.memory)
            except Killed:
                self.controls.revive()
                self.memory = Memory()
                return False
            finally:
                self.plug()
            self.memory, settled = turn.memory, turn.settled
            self.forward(min(turn.pause or 0.0, 5.0))
        return settled

    def _stepped(self, inner: object) -> Cloud:
        return cast("Cloud", Stepped(inner, self.controls, self._judge))

    def _judge(self) -> None:
        """Look after each step of the controller."""
        self._judge_status()
        for told in self.witness.told.values():
            self._must_have(told)

    def _must_have(self, told: Told) -> None:
        """What a pod has, the cloud has, unless somebody took it away."""
        lost = set(told.addresses) - self.in_cloud() - self.robbed
        if lost:
            raise Broken(f"{lost} of {told} are not in the cloud")

    def in_cloud(self) -> set[Ip]:
        """Give all addresses of the node's VNICs, but the VNICs' own."""
        cloud = self.cloud
        return {
            address
            for vnic in cloud.secondaries(INSTANCE)
            for held in (*cloud.addresses_of(vnic.id), *cloud.ipv6s_of(vnic.id))
            if not held.is_primary
            for address in held.block
        }

    def rob(self, held: AddressSeen) -> None:
        """Somebody deletes an object in the cloud's console."""
        self.robbed |= set(held.block)
        self.cloud.delete_address(held.id)

    def _judge_status(self) -> None:
        """A status begins to name only what the cloud has on that VNIC."""
        status = self.machine.objects.statuses.get(NAME)
        before, self.named = self.named, set()
        for vnic in status.vnics if status else ():
            held = self.cloud.addresses_of(vnic.vnic_id)
            held += self.cloud.ipv6s_of(vnic.vnic_id)
            pairs = (*vnic.pod_addresses, vnic.host)
            self.named |= {(vnic.vnic_id, a) for pair in pairs for a in parts(pair)}
            for vnic_id, address in self.named - before:
                here = any(address in each.block for each in held)
                if vnic_id == vnic.vnic_id and not here:
                    raise Broken(f"{address} is told and not on {vnic.vnic_id}")

    def want(self, pods: int) -> None:
        """Somebody writes the spec."""
        self.pods = pods
        spec = NpnSpec(
            id=INSTANCE,
            pod_subnet_ids=("pods",),
            max_pod_count=pods,
            ip_families=self.families,
        )
        npn = self.machine.objects.specs[NAME]
        self.machine.objects.write(replace(npn, spec=spec, pool=self.pool or None))

    def offers(self, version: int = 0) -> list[Ip]:
        """Give what the status lists for pods, of one version or of both."""
        status = self.machine.objects.statuses[NAME]
        pairs = [pair for vnic in status.vnics for pair in vnic.pod_addresses]
        listed = [address for pair in pairs for address in parts(pair)]
        return [a for a in listed if version in (0, a.version)]

    def plug(self) -> None:
        """VNICs that are attached appear on the node, those that are not vanish."""
        kernel = self.machine.kernel
        visible = [self.cloud._visible(a) for _, a in self.cloud._attachments.values()]
        here = {a.vnic_id for a in visible if a.state == "ATTACHED"}
        macs = {v.mac_address for v in self.cloud.secondaries(INSTANCE) if v.id in here}
        links = FakeKernel.links(kernel, None)
        for link in links.values():
            if link.name.startswith("ens1") and link.mac not in macs:
                FakeKernel.delete_links(kernel, None, [link.name])
        for mac in macs - {link.mac for link in links.values()}:
            self.serial += 1
            kernel.add_hardware(None, f"ens1{self.serial:02d}", mac, 1500)

    # The runtime.

    def a_sandbox(self, name: str) -> Sandbox:
        if name not in self.sandboxes:
            self.machine.namespaces.create(name)
            self.sandboxes[name] = Sandbox(Pod(name, None))
        return self.sandboxes[name]

    async def add(self, name: str) -> bool:
        """The runtime calls ADD; tell whether the pod runs."""
        sandbox = self.a_sandbox(name)
        answer = await self._call("ADD", sandbox)
        if answer is None or answer.exit_code:
            return False
        document = json.loads(answer.stdout)
        sandbox.pod.prev = document
        inode = self.machine.namespaces._named.get(name, 0)
        told = Told(sandbox.pod.id, inode, _addresses(document))
        self.witness.now = self.time
        self._must_have(told)
        self.witness.answered(told, self.offered)
        if not sandbox.stays or not inode:
            self.witness.left(sandbox.pod.id)
        sandbox.ran = True
        return True

    async def delete(self, name: str) -> None:
        """The runtime calls DEL until it succeeds: with the agent away it is spooled."""
        sandbox = self.a_sandbox(name)
        sandbox.stays = False
        self.witness.left(sandbox.pod.id)
        for _ in range(50):
            answer = await self._call("DEL", sandbox)
            if answer is None:
                self._spool(sandbox)
                return
            if not answer.exit_code:
                return
        raise Broken(f"DEL of {name} does not succeed: {answer!r}")

    async def stop(self, name: str) -> None:
        """DEL, the namespace goes, DEL again, as containerd does."""
        await self.delete(name)
        self.drop(name)
        await self.delete(name)
        del self.sandboxes[name]

    def knock(self, name: str) -> None:
        """Somebody speaks with a pod that runs, and goes on when it is gone."""
        sandbox = self.sandboxes.get(name)
        told = self.witness.told.get(sandbox.pod.id) if sandbox else None
        for address in told.addresses if told else ():
            self.serial += 1
            number = str(self.serial).encode()
            flow = Flow(frozenset({PEER, address}), TCP, SYN_SECONDS, number)
            self.machine.conntrack.known.append(flow)
            self.witness.spoken[number] = told

    def drop(self, name: str) -> None:
        """The namespace is removed, whatever the pod does."""
        sandbox = self.a_sandbox(name)
        sandbox.stays = False
        self.witness.left(sandbox.pod.id)
        self.machine.namespaces.delete(name)
        self.look()

    async def check(self, name: str) -> bool:
        sandbox = self.a_sandbox(name)
        more = {"prevResult": sandbox.pod.prev or {}}
        answer = await self._call("CHECK", sandbox, **more)
        return answer is not None and not answer.exit_code

    async def collect(self, *, listed: bool) -> None:
        """The runtime calls GC, with the attachments that run or without a list."""
        valid = [
            {"containerID": s.name, "ifname": "eth0"}
            for s in self.sandboxes.values()
            if s.stays
        ]
        more: dict[str, Any] = {"cni.dev/valid-attachments": valid} if listed else {}
        if not self.away:
            with suppress(Killed, *MISHAPS):
                await self.machine.cni("GC", **more)

    async def _call(self, verb: str, sandbox: Sandbox, **more: object) -> Answer | None:
        """Run the executable; None when no agent answered."""
        if self.away:
            return None
        spaces = self.machine.namespaces
        fd = None
        if spaces.exists(sandbox.name):
            fd = spaces.open_fd(sandbox.name)
        try:
            caller = replace(sandbox.pod, fd=fd)
            answer = await self.machine.cni(verb, caller, **more)
        except Killed:
            return None
        finally:
            if fd in spaces.open_fds:
                spaces.close(cast("int", fd))
                self.look()
        return None if self.away else answer

    def _spool(self, sandbox: Sandbox) -> None:
        clock = self.machine.clock
        wall = int(clock.wall().timestamp() * 1e9)
        self.serial += 1
        document = {"cniVersion": "1.1.0", "name": "mooring", "type": "mooring"}
        env = {
            "CNI_COMMAND": "DEL",
            "CNI_CONTAINERID": sandbox.name,
            "CNI_NETNS": sandbox.pod.path,
            "CNI_IFNAME": "eth0",
            "CNI_PATH": "/opt/cni/bin",
            WRITTEN: f"{clock.now() * 1e9:.0f}/{clock.boot()}",
        }
        name = f"{wall:020d}-{self.serial}-{sandbox.name}.del"
        self.spool[name] = encode_call(Call(env, json.dumps(document).encode()))


def _addresses(document: dict[str, Any]) -> tuple[Ip, ...]:
    return tuple(ip_interface(each["address"]).ip for each in document["ips"])
