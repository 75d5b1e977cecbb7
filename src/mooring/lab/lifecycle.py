"""A lab's life: up, and up again after anything; down, with nothing left.

`up` is one straight line in which each step finds what an earlier run made and makes only
what is missing. The record is written before each thing that it names.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mooring.adapters.cgroup import GroupBusyError
from mooring.adapters.labfiles import FilesError, LabFiles
from mooring.core.vcn.labcluster import CONTROL
from mooring.core.vcn.labwish import Unreadable
from mooring.core.vcn.topology import Topology, grown
from mooring.lab import cloud, control, nodes, preflight, record, supplies
from mooring.lab.cluster import Cluster
from mooring.lab.errors import LabError
from mooring.lab.kubectl import Kubectl
from mooring.lab.nodes import LabNode
from mooring.lab.pods import Pods
from mooring.lab.record import RECORD, Standing
from mooring.lab.settings import MachineSettings
from mooring.lab.supplies import Supplies
from mooring.lab.tools import Tools

GROUP = "mooring"


@dataclass(frozen=True, slots=True)
class Lab:
    """A lab by its name, standing or not. `draw` gives random text of 64 hex digits."""

    tools: Tools
    name: str
    draw: Callable[[], str]

    @property
    def files(self) -> LabFiles:
        """Give its directory."""
        return self.tools.files(self.name)

    def standing(self) -> Standing | None:
        """Read its record; None when it does not stand."""
        try:
            content = self.files.read(RECORD)
            return None if content is None else record.read(content)
        except (FilesError, ValueError) as error:
            raise LabError(
                f"{error}", f"mooring lab down --name {self.name}, then up"
            ) from None

    def needed(self) -> Standing:
        """Read the record of a lab that must stand, its nodes launched."""
        found = self.standing()
        if found is None or not found.instances:
            raise LabError(
                f"lab {self.name} is not up", f"mooring lab up --name {self.name}"
            )
        return found

    def nodes(self, standing: Standing) -> dict[str, LabNode]:
        """Give its nodes, by name."""
        return self._members(standing, standing.instances)

    def machines(self, standing: Standing) -> dict[str, LabNode]:
        """Give its nodes and the control plane's machine, by name."""
        return self._members(standing, standing.machines)

    def _members(self, standing: Standing, names: Iterable[str]) -> dict[str, LabNode]:
        return {n: LabNode(self.tools, self.files, standing, n) for n in names}

    def pods(self, standing: Standing) -> Pods:
        """Give its pods, where the lab itself runs them."""
        if standing.topology.is_cluster:
            kubectl = f"kubectl --kubeconfig FILE, with FILE written by mooring lab kubeconfig --name {self.name}"
            raise LabError("pods of this lab are Kubernetes' own", kubectl)
        return Pods(self.nodes(standing), self.draw)

    def kubeconfig(self, standing: Standing) -> str:
        """Give the administrator's kubeconfig of a cluster."""
        self._need_cluster(standing)
        file = Path(Kubectl(self.tools, self.files, standing).kubeconfig)
        if not file.exists():
            raise LabError(f"lab {self.name} is not up", "mooring lab up goes on")
        return file.read_text()

    def load(self, standing: Standing, archives: Sequence[Path]) -> None:
        """Give every node of a cluster images."""
        self._need_cluster(standing)
        Cluster(self.tools, self.files, standing).load(archives)

    def _need_cluster(self, standing: Standing) -> None:
        if not standing.topology.is_cluster:
            raise LabError(
                f"lab {self.name} runs no Kubernetes",
                "mooring lab up --kubernetes --name ANOTHER",
            )

    def waiting(self) -> None:
        """Tell that somebody else holds the lab."""
        self.tools.say(f"another command works on lab {self.name}; waiting for it")

    # -- up

    def up(
        self,
        wish: Callable[[Topology | None], Topology],
        programs: Path | None = None,
    ) -> Standing:
        """Bring the lab up, or mend it; `wish` makes the topology of the standing one.

        `programs` is where the user has what a cluster runs.
        """
        before = self.standing()
        wanted = wish(before.topology if before else None)
        preflight.check(self.tools, wanted)
        found = (
            supplies.found(self.tools, before, programs) if wanted.is_cluster else None
        )
        with self.files.locked(self.waiting):
            standing = self._remembered(wish)
            standing = self._serve(standing)
            standing = self._build(standing)
            if found is not None:
                return self._cluster_up(standing, found)
            self._nodes_up(standing)
            for line in self.pods(standing).mend():
                self.tools.say(line)
        return standing

    def _remembered(self, wish: Callable[[Topology | None], Topology]) -> Standing:
        """Have a record of what shall be, before any of it is."""
        before = self.standing()
        if before is None:
            standing = Standing(topology=wish(None), token=self.draw())
        else:
            standing = replace(before, topology=_grown(before, wish(before.topology)))
        if standing.boot != self.tools.clock.boot():
            places: tuple[str, ...] = ()
            if self.tools.cgroups.usable():
                places = self.tools.cgroups.places(f"{GROUP}-{self.name}")
            boot = self.tools.clock.boot()
            standing = replace(standing, groups=places, boot=boot)
        self._remember(standing)
        self.tools.cgroups.make(standing.groups, parents=True)
        self.tools.cgroups.make(control.groups_of(standing, control.GROUP))
        return standing

    def _remember(self, standing: Standing) -> None:
        self.files.write(RECORD, record.written(standing))

    def _serve(self, standing: Standing) -> Standing:
        """Have the cloud's server run, at a port that is remembered."""
        for attempt in range(control.PORT_TRIES):
            if not standing.port or attempt:
                port = self.tools.host.free_port()
                standing = replace(standing, port=port)
                self._remember(standing)
            control.enrol(self.tools, self.files, standing)
            try:
                control.serve(self.tools, self.files, standing)
            except control.PortTakenError as taken:
                self.tools.say(f"{taken}, taking another")
                control.stop(self.tools, self.files, standing)
                continue
            self.tools.say(f"local VCN serves at {standing.endpoint}")
            return standing
        raise LabError("found no free port on 127.0.0.1")

    def _cluster_up(self, standing: Standing, found: Supplies) -> Standing:
        """Have Kubernetes run on the machines, and Mooring in it."""
        door = Cluster(self.tools, self.files, standing).control.door()
        standing = replace(standing, programs=str(found.programs), door=door)
        self._remember(standing)
        MachineSettings(self.tools, self.files).need()
        self.files.directory("share")
        Cluster(self.tools, self.files, standing).up(found.images)
        return standing

    def _build(self, standing: Standing) -> Standing:
        """Have the cloud's objects, the instances and the pods' objects."""
        with cloud.opened(self.tools, self.files, standing) as opened:
            ids = cloud.build(self.tools, opened, standing)
            instances = cloud.instances(standing, ids)
            here = cloud.control_of(standing, ids)
            self._bury(standing, {**instances, CONTROL: here})
            standing = replace(standing, instances=instances, control=here)
            self._remember(standing)
            topology = standing.topology
            self.tools.say(
                f"VCN {', '.join(map(str, topology.cidrs))} with {len(topology.subnets)}"
                f" subnets, gateways, rules, {len(topology.nodes)} instances"
            )
            self.files.directory("npn")
            if not topology.is_cluster:
                cloud.write_objects(self.files, standing, ids)
            cloud.await_running(self.tools, opened, standing)
            return replace(standing, addresses=cloud.addresses(opened, standing))

    def _bury(self, standing: Standing, instances: Mapping[str, str]) -> None:
        """Take away what is left of a node whose instance is another one by now.

        The record still names the old one: whoever is killed in here does it again. With
        the control plane goes all that the others know.
        """
        members = self.machines(standing)
        anew = standing.control not in {"", instances[CONTROL]}
        for member in members.values():
            if anew or instances[member.name] != member.instance:
                member.bury()
                cloud.remove_object(self.files, member.instance)
                self.tools.say(f"{member.name} is a new instance")

    def _nodes_up(self, standing: Standing) -> None:
        runtime = standing.topology.runtime
        nodes.install(self.tools, self.files, runtime)
        members = list(self.nodes(standing).values())
        for member in members:
            member.ensure()
            member.start_agent()
            if runtime == "containerd":
                member.start_containerd()
        control.programs(self.tools, self.files).ensure(
            control.controller(self.files, standing)
        )
        self.tools.say(f"nodes held: {', '.join(m.name for m in members)}")
        cloud.await_settled(self.tools, self.files, standing)
        self.tools.say("controller gave every node its VNIC and addresses")
        for member in members:
            member.await_agent()
            if runtime == "containerd":
                member.await_containerd()
        self.tools.say(f"agents serve{_and(runtime)}")

    # -- down

    def down(self) -> bool:
        """Take everything away; False when there was nothing of a record."""
        preflight.need_root(self.tools)
        if not self.files.exists():
            control.remove_fabric(self.tools, self.name)
            MachineSettings(self.tools, self.files).release()
            return False
        with self.files.locked(self.waiting):
            try:
                standing = self.standing()
            except LabError as error:
                self.tools.say(f"{error.fault}: going on by name")
                standing = None
            self._end(standing)
            self.files.remove()
        return True

    def _end(self, standing: Standing | None) -> None:
        if standing is not None:
            control.stop(self.tools, self.files, standing)
            for member in self.machines(standing).values():
                member.end()
            self.tools.say("processes ended")
        MachineSettings(self.tools, self.files).release()
        self._remove_groups(standing)
        control.remove_fabric(self.tools, self.name)
        self.tools.say("namespaces, links and rules removed")

    def _remove_groups(self, standing: Standing | None) -> None:
        """Kill what is left in the lab's groups, and remove them."""
        places = standing.groups if standing else ()
        if not places and self.tools.cgroups.usable():
            places = self.tools.cgroups.places(f"{GROUP}-{self.name}")
        try:
            self.tools.cgroups.remove(places)
        except (GroupBusyError, OSError) as error:
            raise LabError(str(error), "mooring lab down again") from None


def _grown(before: Standing, wanted: Topology) -> Topology:
    try:
        return grown(before.topology, wanted)
    except Unreadable as error:
        raise LabError(
            str(error), f"mooring lab down --name {before.name}, then up"
        ) from None


def _and(runtime: str) -> str:
    return ", containerd has its image" if runtime == "containerd" else ""
