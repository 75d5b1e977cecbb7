"""Documents as an API server has them, for tests of what is shown."""

from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any

from mooring.core.npn import usage as usages
from mooring.core.npn.codec import render
from mooring.core.npn.record import (
    Condition,
    Npn,
    NpnSpec,
    NpnStatus,
    Pair,
    VnicStatus,
)
from mooring.core.npn.usage import Counts, Usage, VnicLink

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
BORN = "2026-11-21T11:00:00Z"
INSTANCE = "ocid1.instance.oc1..aaaa"
VNIC = "ocid1.vnic.oc1..bbbbbbbbcccc"
Json = dict[str, Any]


def a_vnic(first: int = 10, pods: int = 3, *, six: bool = False) -> VnicStatus:
    return VnicStatus(
        vnic_id=VNIC,
        mac_address="02:00:17:00:00:01",
        subnet_id="ocid1.subnet.oc1..pods",
        nsg_ids=("nsg-a",),
        ip_families=("IPv4", "IPv6") if six else ("IPv4",),
        subnet_v4=IPv4Network("10.0.8.0/24"),
        subnet_v6=IPv6Network("fd00:8::/64") if six else None,
        router=Pair(IPv4Address("10.0.8.1"), IPv6Address("fe80::1") if six else None),
        host=Pair(IPv4Address("10.0.8.9")),
        pod_addresses=tuple(
            Pair(
                IPv4Address(f"10.0.8.{first + i}"),
                IPv6Address(f"fd00:8::{first + i:x}") if six else None,
            )
            for i in range(pods)
        ),
    )


def ready(family: str = "IPv4", status: str = "True", message: str = "") -> Condition:
    return Condition(
        type=f"{family}Ready", status=status, reason="Complete", message=message
    )


def an_npn(
    name: str = "aaaa",
    *,
    used: int | None = 1,
    owner: str = "",
    links: tuple[VnicLink, ...] = (),
    **status: object,
) -> Json:
    said = {
        "state": "SUCCESS",
        "reason": "COMPLETED",
        "vnics": (a_vnic(),),
        "conditions": (ready(),),
        **status,
    }
    npn = Npn(
        name=name,
        spec=NpnSpec(id=INSTANCE, pod_subnet_ids=("s",), max_pod_count=3),
        status=NpnStatus(**said),
    )
    document = render(npn)
    document["metadata"] |= {"creationTimestamp": BORN, "labels": {"zone": "a"}}
    if owner:
        document["metadata"]["ownerReferences"] = [
            {"apiVersion": "v1", "kind": "Node", "name": owner, "uid": f"uid-{owner}"}
        ]
    if used is not None:
        counts = Counts(used=used, free=3 - used, cooling=0)
        usage = Usage(serial=1, counts=counts, links=links)
        document["status"]["usage"] = usages.write(usage)
    return document


def a_node(name: str = "node-1", **more: object) -> Json:
    status = {
        "conditions": [{"type": "Ready", "status": "True"}],
        "addresses": [
            {"type": "Hostname", "address": name},
            {"type": "InternalIP", "address": "10.0.1.2"},
        ],
        "capacity": {"pods": "110"},
    }
    return {
        "metadata": {"name": name, "creationTimestamp": BORN, "labels": {"role": "w"}},
        "spec": {"providerID": INSTANCE, **more},
        "status": status,
    }


def a_pod(name: str = "web", *ips: str, node: str = "node-1", **spec: object) -> Json:
    return {
        "metadata": {
            "name": name,
            "namespace": "default",
            "creationTimestamp": BORN,
            "labels": {"app": name},
        },
        "spec": {"nodeName": node, **spec},
        "status": {
            "phase": "Running",
            "podIP": ips[0] if ips else None,
            "podIPs": [{"ip": ip} for ip in ips],
        },
    }


def an_event(**more: object) -> Json:
    return {
        "metadata": {"name": "e", "namespace": "default"},
        "regarding": {"kind": "NativePodNetwork", "name": "aaaa"},
        "type": "Normal",
        "reason": "NPN_CR_Success",
        "note": "3 addresses",
        "reportingController": "nativepodnetwork",
        "eventTime": "2026-11-21T11:59:00.000000Z",
        **more,
    }
