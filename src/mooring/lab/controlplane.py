"""The machine `control`: etcd, API server, controller manager, scheduler, CoreDNS; the passage to it."""

from dataclasses import dataclass

from mooring.core.linux import controlplane, kubeconfig
from mooring.core.linux.controlplane import ControlPlane
from mooring.core.linux.kubeconfig import Access, Identity
from mooring.core.linux.node import Program
from mooring.core.vcn.estate import domains
from mooring.core.vcn.labcluster import CONTROL, DOMAIN, services
from mooring.lab import control, keys
from mooring.lab.keys import Keys
from mooring.lab.kubectl import ADMIN
from mooring.lab.nodes import LabNode
from mooring.lab.tools import mooring

STORE_PORT = 2379
PASSAGE = "passage"
KUBERNETES = "kubernetes.default.svc"


@dataclass(frozen=True, slots=True)
class Control:
    """The control plane on its machine, which has these addresses."""

    at: LabNode
    addresses: tuple[str, ...]

    @property
    def plane(self) -> ControlPlane:
        """Give what its programs are told."""
        topology = self.at.standing.topology
        return ControlPlane(
            programs=self.at.standing.programs,
            home=str(self.at.place.own),
            addresses=self.addresses,
            services=tuple(str(each) for each in services(topology.families).cidrs),
            domain=DOMAIN,
        )

    @property
    def store(self) -> Program:
        """Describe etcd."""
        return self.at.program("etcd", *controlplane.etcd(self.plane))

    @property
    def server(self) -> Program:
        """Describe the API server."""
        return self.at.program("kube-apiserver", *controlplane.apiserver(self.plane))

    @property
    def others(self) -> dict[int, Program]:
        """Describe what comes after the API server, by the port where each serves."""
        plane = self.plane
        manager = controlplane.controller_manager(plane)
        return {
            10257: self.at.program("kube-controller-manager", *manager),
            10259: self.at.program("kube-scheduler", *controlplane.scheduler(plane)),
            controlplane.DNS_PORT: self.at.program(
                "coredns", *controlplane.coredns(plane)
            ),
        }

    @property
    def passage(self) -> Program:
        """Describe the way from the machine's loopback address to the API server."""
        words = (
            *("lab", "passage", "--port", str(self.at.standing.door)),
            *("--space", str(self.at.space), "--target", str(kubeconfig.PORT)),
        )
        return control.program(
            self.at.files, self.at.standing, PASSAGE, mooring(*words)
        )

    def door(self) -> int:
        """Give a port for the passage: the remembered one, unless somebody else has it."""
        host, known = self.at.tools.host, self.at.standing.door
        if not known:
            return host.free_port()
        if self.at.programs.find(self.passage) or not host.answers(known):
            return known
        self.at.tools.say(f"port {known} is taken, taking another")
        return host.free_port()

    def open_passage(self) -> None:
        """Have the passage take connections."""
        passage, port = self.passage, self.at.standing.door
        self.at.programs.ensure(passage)
        self.at.programs.await_ready(passage, lambda: self.at.tools.host.answers(port))

    def furnish(self, held: Keys) -> None:
        """Write what the programs read."""
        place, plane = self._place, self.plane
        held.publish(place, keys.AUTHORITY, keys.FRONT_AUTHORITY)
        held.entrust(place)
        held.pair(place, kubeconfig.FRONT, keys.FRONT_AUTHORITY)
        for identity in kubeconfig.control_identities(self._hosts):
            local = kubeconfig.server("127.0.0.1")
            self._access(f"{place}/{identity.name}.kubeconfig", local, held, identity)
        outside = kubeconfig.server("127.0.0.1", self.at.standing.door)
        self._access(f"{keys.HOME}/{ADMIN}", outside, held, kubeconfig.ADMIN)
        self.at.files.put(f"{place}/Corefile", controlplane.corefile(plane).encode())

    def _access(self, file: str, server: str, held: Keys, identity: Identity) -> None:
        pair = held.pair(self._place, identity)
        access = Access(
            server=server,
            authority=held.authority().certificate,
            certificate=pair.certificate,
            key=pair.key,
            cluster=self.at.standing.name,
        )
        self.at.files.put(file, kubeconfig.kubeconfig(access).encode())

    @property
    def _place(self) -> str:
        return f"nodes/{CONTROL}"

    @property
    def _hosts(self) -> tuple[str, ...]:
        topology = self.at.standing.topology
        vcn = domains(topology)[-1]
        return (
            *("localhost", "127.0.0.1", CONTROL, f"{CONTROL}.api.{vcn}"),
            *("kubernetes", "kubernetes.default", KUBERNETES, f"{KUBERNETES}.{DOMAIN}"),
            *services(topology.families).api,
            *self.addresses,
        )
