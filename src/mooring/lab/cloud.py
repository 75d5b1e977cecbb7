"""The lab's cloud: its objects exist, its instances run, its pods' objects are written."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from mooring.adapters.labfiles import LabFiles
from mooring.adapters.objects import ObjectDirectory
from mooring.core.npn.metadata import name_of
from mooring.core.npn.port import Absent
from mooring.core.npn.record import Npn, NpnSpec, NpnStatus
from mooring.core.vcn.estate import (
    Ref,
    estate,
    pod_group,
    pod_rules,
    pod_subnet,
    resolved,
)
from mooring.core.vcn.estateport import Estate, EstateError
from mooring.core.vcn.labcluster import CONTROL
from mooring.core.vcn.topology import Topology
from mooring.lab import control
from mooring.lab.access import access
from mooring.lab.errors import LabError
from mooring.lab.record import Standing, npn_directory
from mooring.lab.tools import Tools

SETTLED = "SUCCESS"
RUNNING = "RUNNING"
NEXT_STEPS = {
    "TERMINATING": "mooring lab up again launches another",
    "TERMINATED": "mooring lab up again launches another",
    "STOPPING": "start it by the API (action START), then mooring lab up again",
    "STOPPED": "start it by the API (action START), then mooring lab up again",
}
"""What to do about an instance in a state that leads to no running one by itself."""


@contextmanager
def opened(tools: Tools, files: LabFiles, standing: Standing) -> Iterator[Estate]:
    """Give the cloud; what it refuses is told with the server's last words."""
    try:
        cloud = tools.estate(control.door(files, standing))
    except EstateError as error:
        raise LabError(str(error), "mooring lab down, then up") from None
    try:
        yield cloud
    except EstateError as error:
        raise LabError(
            f"the cloud: {error}",
            f"read {files.path}/log/vcn.log, then mooring lab up again",
            files.tail("log/vcn.log", 5),
        ) from None
    finally:
        cloud.close()


def build(tools: Tools, cloud: Estate, standing: Standing) -> dict[Ref, str]:
    """Have every object of the topology exist; give their ids."""
    topology = standing.topology
    ids: dict[Ref, str] = {}
    for wanted in estate(topology):
        if wanted.kind == "instance":
            _await_end(tools, cloud, wanted.name)
        body = resolved(wanted.body, ids)
        ids[Ref(wanted.kind, wanted.name)] = cloud.ensure(
            wanted.kind, wanted.name, body
        )
    for wanted in access(topology, cloud.compartment):
        cloud.ensure(wanted.kind, wanted.name, wanted.body)
    _mend_routes(cloud, topology, ids)
    _mend_pod_rules(cloud, topology, ids)
    return ids


def _await_end(tools: Tools, cloud: Estate, name: str) -> None:
    """Wait until a terminated namesake is gone; until then it keeps its host name."""

    def ended() -> bool:
        return not cloud.is_ending("instance", name)

    tools.need(f"the old instance {name} to end", ended)


def _mend_routes(cloud: Estate, topology: Topology, ids: Mapping[Ref, str]) -> None:
    """Give back the ways out of a table that stands; a gateway made anew has none to it."""
    for wanted in estate(topology):
        if wanted.kind == "route_table":
            table = ids[Ref(wanted.kind, wanted.name)]
            there = cloud.destinations(table)
            rules = resolved(wanted.body, ids)["routeRules"]
            missing = [rule for rule in rules if rule["destination"] not in there]
            if missing:
                cloud.add_routes(table, missing)


def _mend_pod_rules(cloud: Estate, topology: Topology, ids: Mapping[Ref, str]) -> None:
    group = ids[pod_group(topology)]
    there = {rule.description for rule in cloud.rules(group)}
    missing = [
        resolved(rule, ids)
        for rule in pod_rules(topology)
        if rule["description"] not in there
    ]
    if missing:
        cloud.add_rules(group, missing)


def instances(standing: Standing, ids: Mapping[Ref, str]) -> dict[str, str]:
    """Tell which instance each node is."""
    return {n.name: ids[Ref("instance", n.name)] for n in standing.topology.nodes}


def control_of(standing: Standing, ids: Mapping[Ref, str]) -> str:
    """Tell which instance the control plane is; "" where there is none."""
    return ids.get(Ref("instance", CONTROL), "") if standing.topology.is_cluster else ""


def addresses(cloud: Estate, standing: Standing) -> dict[str, tuple[str, ...]]:
    """Tell the addresses of all machines."""
    found = standing.machines.items()
    return {name: cloud.addresses(ident) for name, ident in found}


def await_running(tools: Tools, cloud: Estate, standing: Standing) -> None:
    """Wait until every instance runs; one that will not is told of at once."""
    for name, ident in standing.machines.items():

        def running(name: str = name, ident: str = ident) -> bool:
            state = cloud.state("instance", ident)
            if state in NEXT_STEPS:
                raise LabError(f"instance {name} is {state}", NEXT_STEPS[state])
            return state == RUNNING

        tools.need(f"instance {name} to run", running)


def lives(cloud: Estate, standing: Standing) -> dict[str, str]:
    """Tell the instances' states, as far as the cloud tells them."""
    found = {}
    for name, ident in standing.machines.items():
        with suppress(EstateError):
            found[name] = cloud.state("instance", ident)
    return found


def write_objects(files: LabFiles, standing: Standing, ids: Mapping[Ref, str]) -> None:
    """Write every node's NativePodNetwork, as the creator of nodes does."""
    store = ObjectDirectory(npn_directory(files.path))
    topology = standing.topology
    for node in topology.nodes:
        instance = standing.instances[node.name]
        spec = NpnSpec(
            id=instance,
            max_pod_count=node.max_pods,
            pod_subnet_ids=(ids[pod_subnet(topology)],),
            network_security_group_ids=(ids[pod_group(topology)],),
            ip_families=topology.families,
        )
        name = name_of(instance)
        store.write(Npn(name=name, spec=spec, pool=_pool(store, name)))


def _pool(store: ObjectDirectory, name: str) -> str | None:
    """Leave what somebody has said of a standing node's pool."""
    try:
        return store.read_spec(name).pool
    except (Absent, ValueError):
        return None


def remove_object(files: LabFiles, instance: str) -> None:
    """Take away the NativePodNetwork of an instance that is no more."""
    ObjectDirectory(npn_directory(files.path)).remove(name_of(instance))


def status(files: LabFiles, instance: str) -> NpnStatus:
    """Read what the controller says of a node; empty while it says nothing."""
    store = ObjectDirectory(npn_directory(files.path))
    try:
        return store.read_status(name_of(instance))
    except (OSError, ValueError):
        return NpnStatus()


def await_settled(tools: Tools, files: LabFiles, standing: Standing) -> None:
    """Wait until the controller has given every node what its object asks for."""
    for name, instance in standing.instances.items():

        def settled(instance: str = instance) -> bool:
            return status(files, instance).state == SETTLED

        if not tools.wait(settled):
            seen = status(files, instance)
            raise LabError(
                f"{name}: its NativePodNetwork is {seen.state or 'new'}"
                f" ({seen.reason or 'no reason'}) {seen.message}".rstrip(),
                f"read {files.path}/log/controller.log, then mooring lab up again",
                files.tail("log/controller.log"),
            )
