"""The agent's memory as its users run it: 256 pods, its watches of object and pods, its metrics.

The API server is the tests' own, in the node's namespace and spoken to by TLS; each pod carries what kubelets and
controllers put on one, of which the agent is to keep little.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from journeys.agent_cluster import Node, a_node, a_pod
from journeys.agent_world import a_world
from patience import until

from mooring.core.kube.resource import PODS

COUNT = 256
LAST = tuple(f"10.0.8.{n}" for n in range(10, 250))
ADDRESSES = (*LAST, *(f"10.0.9.{n}" for n in range(1, COUNT + 1 - len(LAST))))
SETTLED_SECONDS = 8
SCRAPES = 5
HEARD = "\nmooring_agent_store_heard 1"


def resident_mib(place: Path) -> float:
    """Give the most that it holds, full and after a restart, each with scrapes."""
    place.mkdir()
    with a_world(place, name="w") as world:
        world.pod_addresses = ADDRESSES
        world.write_npn(ADDRESSES)
        with a_node(world) as node:
            world.start()
            with ThreadPoolExecutor(4) as pool:
                list(pool.map(lambda number: _run(node, number), range(COUNT)))
            full = _held(node, "")
            world.kill()
            world.start()
            # After a restart only the pods' watch can name them.
            return max(full, _held(node, "default/"))


def _run(node: Node, number: int) -> None:
    pod = node.world.run_pod(f"p{number}")
    node.server.store.put(PODS, _heavy(a_pod(pod.name, pod.address)))


def _heavy(pod: dict[str, Any]) -> dict[str, Any]:
    """Add what real ones carry."""
    variables = [{"name": f"VARIABLE_{i}", "value": "v" * 40} for i in range(20)]
    container = {"name": "main", "image": "registry/" + "x" * 50, "env": variables}
    fields = {f"f:field-{i}": {} for i in range(60)}
    pod["spec"]["containers"] = [container]
    pod["metadata"]["labels"] = {"app": "web", "tier": "front"}
    pod["metadata"]["managedFields"] = [{"manager": "kubelet", "fieldsV1": fields}]
    return pod


def _held(node: Node, namespace: str) -> float:
    names = {f"{namespace}p{number}" for number in range(COUNT)}
    until(lambda: set(node.names) == names, "all pods by their names")
    until(lambda: HEARD in node.ask("/metrics")[1], "the object's watch")
    time.sleep(SETTLED_SECONDS)
    for _ in range(SCRAPES):
        assert node.ask("/metrics")[0] == 200
    process = node.world.process
    assert process is not None
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    (resident,) = [line.split()[1] for line in lines if line.startswith("VmRSS")]
    return int(resident) / 1024
