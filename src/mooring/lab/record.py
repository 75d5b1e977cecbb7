"""What is known of a standing lab, and where its files are.

The record is written before anything that it names is made, so that whatever a crash
leaves behind can be found again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mooring.core.vcn.labcluster import CONTROL
from mooring.core.vcn.labwish import Unreadable
from mooring.core.vcn.topology import Topology, document, parse

RECORD = "lab.json"
VERSION = 1
PROFILE = "MOORING"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A lab: its topology, the API's port, its control groups, its nodes' instances.

    `token` makes the lab's retry tokens its own; `boot` is the boot of the machine in which
    the groups were made. A cluster has besides: the instance of its control plane, its machines'
    addresses, the directory of its programs, and the loopback port by which the machine reaches its API.
    """

    topology: Topology
    token: str
    port: int = 0
    boot: str = ""
    groups: tuple[str, ...] = ()
    instances: Mapping[str, str] = field(default_factory=dict)
    control: str = ""
    addresses: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    programs: str = ""
    door: int = 0

    @property
    def machines(self) -> dict[str, str]:
        """Tell the instances of all machines, the control plane's too."""
        return {**({CONTROL: self.control} if self.control else {}), **self.instances}

    @property
    def name(self) -> str:
        """Give the lab's name, which is its fabric's too."""
        return self.topology.name

    @property
    def endpoint(self) -> str:
        """Tell where the cloud's API listens."""
        return f"http://127.0.0.1:{self.port}"


def written(standing: Standing) -> dict[str, Any]:
    """Write a record."""
    return {
        "version": VERSION,
        "topology": document(standing.topology),
        "token": standing.token,
        "port": standing.port,
        "boot": standing.boot,
        "groups": list(standing.groups),
        "instances": dict(standing.instances),
        "control": standing.control,
        "addresses": {n: list(each) for n, each in standing.addresses.items()},
        "programs": standing.programs,
        "door": standing.door,
    }


def read(content: Mapping[str, Any]) -> Standing:
    """Read a record; ValueError when it is none that this version wrote."""
    try:
        if content["version"] != VERSION:
            raise ValueError(f"version {content['version']} is not {VERSION}")
        return Standing(
            topology=parse(content["topology"]),
            token=str(content["token"]),
            port=int(content["port"]),
            boot=str(content["boot"]),
            groups=tuple(content["groups"]),
            instances=dict(content["instances"]),
            control=str(content.get("control", "")),
            addresses={
                name: tuple(each) for name, each in content.get("addresses", {}).items()
            },
            programs=str(content.get("programs", "")),
            door=int(content.get("door", 0)),
        )
    except (KeyError, TypeError, Unreadable) as error:
        raise ValueError(f"not a lab's record: {error}") from error


@dataclass(frozen=True, slots=True)
class NodePlace:
    """Where a node's files are."""

    lab: Path
    node: str

    @property
    def own(self) -> Path:
        """Give the directory that the node sees as its own."""
        return self.lab / "nodes" / self.node

    def record(self, program: str) -> Path:
        """Give the file by which a program of the node is known."""
        return self.own / "run" / program

    def log(self, program: str) -> str:
        """Give a program's log, relative to the lab."""
        return f"nodes/{self.node}/log/{program}.log"


def npn_directory(lab: Path) -> Path:
    """Give the directory of the NativePodNetwork objects."""
    return lab / "npn"


def shared_directory(lab: Path) -> Path:
    """Give the directory that every node may read: plugins, image."""
    return lab / "share"


def plugin_directory(lab: Path) -> Path:
    """Give the directory of the CNI executables."""
    return shared_directory(lab) / "cni"


def config_file(lab: Path) -> Path:
    """Give the OCI configuration file."""
    return lab / "oci" / "config"


def authority_file(lab: Path) -> Path:
    """Give the certificate of those whom clients of the lab's cloud believe."""
    return lab / "vcn" / "authority.pem"
