"""How many calls that change something a node costs: the real controller against a local VCN."""

import json
import signal
import subprocess
import sys
from pathlib import Path

from journeys.local_vcn import MOORING, LocalVcn, an_estate, an_instance, local_vcn
from world import wait_for

from mooring.adapters.objects import ObjectDirectory
from mooring.core.npn.record import Npn, NpnSpec

PODS = 31
READS = ("Get", "List")


def per_node(place: Path) -> int:
    """One node of 31 pods, one VNIC, one family, an empty subnet."""
    objects = place / "npn"
    objects.mkdir(parents=True)
    with local_vcn(place) as vcn:
        _, subnet = an_estate(vcn)
        instance = an_instance(vcn, subnet.id)
        before = changes(vcn)
        name = instance.id.rsplit(".", 1)[-1]
        desk = ObjectDirectory(objects)
        spec = NpnSpec(id=instance.id, pod_subnet_ids=(subnet.id,), max_pod_count=PODS)
        desk.write(Npn(name=name, spec=spec))
        command = [
            *(MOORING, "controller", "--npn-dir", str(objects)),
            *("--config", str(vcn.config_file), "--endpoint", vcn.endpoint),
            *("--interval", "0.3"),
        ]
        with (place / "controller.log").open("wb") as log:
            process = subprocess.Popen(command, stderr=log)
        try:
            wait_for(
                "the node's addresses",
                lambda: desk.read_status(name).state == "SUCCESS",
                120,
            )
        except SystemExit:
            sys.stderr.write((place / "controller.log").read_text()[-2000:])
            raise
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()
        after = changes(vcn)
        vnics = desk.read_status(name).vnics
    given = sum(len(vnic.pod_addresses) for vnic in vnics)
    if given != PODS:
        sys.exit(f"bench: {given} addresses instead of {PODS}")
    made = {k: n - before.get(k, 0) for k, n in after.items() if n > before.get(k, 0)}
    print(f"bench: calls of a node: {made}", file=sys.stderr)
    return sum(made.values())


def changes(vcn: LocalVcn) -> dict[str, int]:
    """Count by operation what changed something, by the server's own statistics."""
    command = [MOORING, "vcn", "stats", "--state", str(vcn.state), "-o", "json"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    counts = json.loads(done.stdout)["operations"]
    return {
        operation: sum(by_status.values())
        for operation, by_status in counts.items()
        if not operation.startswith(READS)
    }
