"""A thousand nodes at once: the real controller, by the SDK, against a local VCN without a fabric.

The rate is higher than the default of 20 calls a second, so that a run takes four minutes and not
seven; the bar is the ratio to what the same number of single nodes would take at that rate.
"""

import json
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from journeys.local_vcn import MOORING, SHAPE, LocalVcn, local_vcn
from oci.core import models as m

from mooring.adapters.objects import ObjectDirectory
from mooring.core.npn.record import Npn, NpnSpec

NODES = 1000
QPS = 50.0
BURST = 20
PODS = 31
PATIENCE = 900.0


def start(place: Path, nodes: int = NODES, qps: float = QPS) -> tuple[float, float]:
    """Give the seconds that all nodes took, and those of as many single ones at that rate."""
    place.mkdir(parents=True, exist_ok=True)
    with local_vcn(place) as vcn:
        estate = Estate(vcn)
        alone, *fleet = [estate.instance() for _ in range(nodes + 1)]
        before = calls(vcn)
        run(place / "alone", vcn, estate, [alone], qps)
        single = calls(vcn) - before
        before = calls(vcn)
        took = run(place / "fleet", vcn, estate, fleet, qps)
        made = calls(vcn) - before
    ideal = nodes * single / qps
    print(
        f"bench: a single node makes {single} calls; {nodes} nodes made {made} in"
        f" {took:.1f} s at {qps:g}/s, ideal {ideal:.1f} s",
        file=sys.stderr,
    )
    return took, ideal


class Estate:
    """A VCN with a subnet for nodes and one for pods."""

    def __init__(self, vcn: LocalVcn) -> None:
        self.compartment = vcn.init()["tenancy"]
        self._compute, self._network = vcn.compute, vcn.network
        details = m.CreateVcnDetails(
            compartment_id=self.compartment,
            cidr_blocks=["10.0.0.0/16", "10.1.0.0/16"],
        )
        self._vcn = self._network.create_vcn(details).data.id
        self.workers = self._subnet("10.1.0.0/20")
        self.pods = self._subnet("10.0.0.0/16")

    def _subnet(self, block: str) -> str:
        details = m.CreateSubnetDetails(
            compartment_id=self.compartment, vcn_id=self._vcn, cidr_block=block
        )
        made: str = self._network.create_subnet(details).data.id
        return made

    def instance(self) -> str:
        """Launch an instance."""
        details = m.LaunchInstanceDetails(
            compartment_id=self.compartment,
            availability_domain="moor:LOCAL-1-AD-1",
            shape=SHAPE,
            shape_config=m.LaunchInstanceShapeConfigDetails(ocpus=2),
            create_vnic_details=m.CreateVnicDetails(subnet_id=self.workers),
        )
        made: str = self._compute.launch_instance(details).data.id
        return made


def run(
    place: Path, vcn: LocalVcn, estate: Estate, instances: list[str], qps: float
) -> float:
    """Let a controller settle these instances' objects; the seconds from its start of work."""
    objects = place / "npn"
    objects.mkdir(parents=True)
    desk = ObjectDirectory(objects)
    for instance in instances:
        spec = NpnSpec(id=instance, pod_subnet_ids=(estate.pods,), max_pod_count=PODS)
        desk.write(Npn(name=instance.rsplit(".", 1)[-1], spec=spec))
    with controller(place, vcn, objects, qps):
        return settled(place, desk, len(instances))


@contextmanager
def controller(place: Path, vcn: LocalVcn, objects: Path, qps: float) -> Iterator[None]:
    """Keep a controller at work."""
    command = [
        *(MOORING, "controller", "--npn-dir", str(objects)),
        *("--config", str(vcn.config_file), "--endpoint", vcn.endpoint),
        *("--qps", str(qps), "--burst", str(BURST)),
    ]
    with (place / "controller.log").open("wb") as log:
        process = subprocess.Popen(command, stderr=log)
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def settled(place: Path, desk: ObjectDirectory, count: int) -> float:
    """Wait until the log tells of as many settled objects; give the time from its first line."""
    began = None
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        text = (place / "controller.log").read_text()
        if began is None and " started " in text:
            began = time.monotonic()
        done = set(re.findall(r"turn npn=(\S+) settled", text))
        if began is not None and len(done) >= count:
            break
        time.sleep(0.1)
    stuck = [n for n in desk.names() if desk.read_status(n).state != "SUCCESS"]
    if began is None or stuck:
        sys.stderr.write((place / "controller.log").read_text()[-2000:])
        sys.exit(f"bench: {len(stuck)} of {count} nodes are not settled")
    return time.monotonic() - began


def calls(vcn: LocalVcn) -> int:
    """Count all calls of the controller, reads too; the first of each, to know somebody, not."""
    command = [MOORING, "vcn", "stats", "--state", str(vcn.state), "-o", "json"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    counts = json.loads(done.stdout)["operations"]
    return sum(
        n for name, by in counts.items() if name != "ListVcns" for n in by.values()
    )


def main() -> None:
    """Run on its own: fleet.py [NODES [QPS]]."""
    words = [float(word) for word in sys.argv[1:]]
    nodes = int(words[0]) if words else NODES
    with tempfile.TemporaryDirectory() as temporary:
        took, ideal = start(Path(temporary), nodes, words[1] if words[1:] else QPS)
    print(f"{nodes} nodes: {took:.1f} s of {ideal:.1f} s, {took / ideal:.3f}")


if __name__ == "__main__":
    main()
