"""Virtual circuits: private lines from a site to a DRG.

One is PROVISIONING until the line and its BGP sessions are up, which here needs nobody: then it is
PROVISIONED. Its attachment comes and goes with the DRG that it is for.
"""

from typing import Any

from mooring.core.vcn.acts import drgs, removal
from mooring.core.vcn.acts.onprem import check_site_tag
from mooring.core.vcn.acts.paging import in_order, paged
from mooring.core.vcn.acts.tunnels import BOTH, check_ends, interface
from mooring.core.vcn.api.errors import not_built
from mooring.core.vcn.api.schema import Values
from mooring.core.vcn.api.turns import Answer, Call, Draft, renamed
from mooring.core.vcn.drg_routes import VIRTUAL_CIRCUIT
from mooring.core.vcn.model import Drg, VirtualCircuit
from mooring.core.vcn.shown.forms import Json

BANDWIDTHS = {
    f"{gigabits} Gbps": gigabits * 1000 for gigabits in (1, 2, 5, 10, 25, 40, 50, 100)
}
PEERS = (
    ("customerBgpPeeringIp", "oracleBgpPeeringIp", 4, (28, 31)),
    ("customerBgpPeeringIpv6", "oracleBgpPeeringIpv6", 6, (64, 127)),
)
# What is kept as it was written, and shown again.
KEPT = (
    *("routingPolicy", "bgpAdminState", "isBfdEnabled", "isTransportMode", "ipMtu"),
    *("trafficMode", "providerName", "providerServiceId", "providerServiceName"),
    *("providerServiceKeyName", "region", "referenceComment", "providerState"),
)


def create(call: Call) -> Answer:
    """Make a private virtual circuit, attached to the DRG that it is for."""
    kind = call.body.need("type", str)
    if kind != "PRIVATE":
        raise not_built(f"a virtual circuit of type {kind}")
    check_site_tag(call.body)
    circuit = VirtualCircuit(
        **call.common(VirtualCircuit, call.body, call.body.need("compartmentId", str)),
        lifecycle_state="PROVISIONING",
        settles_at=call.now + call.world.settings.delays.drg_attach,
        **_configured(call.body, {}),
    )
    draft = call.draft.put(circuit)
    if name := call.body.get("gatewayId", str):
        draft = _joined(call, draft, circuit, name)
    return Answer(draft=draft, subject=circuit)


def _joined(call: Call, draft: Draft, circuit: VirtualCircuit, drg_id: str) -> Draft:
    drg = call.related(Drg, "gatewayId", drg_id)
    draft = draft.change(draft.now(circuit), gateway_id=drg.id)
    return drgs.joined(call, draft, (drg, VIRTUAL_CIRCUIT), draft.now(circuit))


def _configured(body: Values, old: Any) -> dict[str, Any]:  # noqa: ANN401 - what was kept, as it was written
    """Give what a body says of a circuit, as the record has it."""
    changes: dict[str, Any] = {}
    if "bandwidthShapeName" in body:
        changes["bandwidth_shape_name"] = body.need("bandwidthShapeName", str)
    for name in ("customerAsn", "customerBgpAsn"):
        if name in body:
            changes["customer_asn"] = body.need(name, int)
    mappings = body.many("crossConnectMappings", Values)
    if mappings is not None:
        for n, one in enumerate(mappings):
            _check_peers(f"crossConnectMappings[{n}]", one)
        changes["mappings"] = tuple(dict(one.items) for one in mappings)
    kept = {name: one for name, one in body.written().items() if name in KEPT}
    if kept:
        changes["more"] = {**(old or {}), **kept}
    return changes


def _check_peers(where: str, mapping: Values) -> None:
    """Refuse BGP addresses that are not two of one small network."""
    for customer, oracle, version, lengths in PEERS:
        ends = [
            interface(f"{where}.{name}", mapping.need(name, str), version, lengths)
            for name in (customer, oracle)
            if name in mapping
        ]
        if len(ends) == BOTH:
            check_ends(f"{where}.{oracle}", *ends)


def update(call: Call) -> Answer:
    """Change a circuit's sessions, its DRG, its name and tags."""
    circuit = call.about(VirtualCircuit)
    check_site_tag(call.body)
    changes = renamed(call.body) | _configured(call.body, circuit.more)
    draft = call.draft.change(circuit, **changes)
    wanted = call.body.get("gatewayId", str)
    if wanted is not None and wanted != circuit.gateway_id:
        draft = drgs.parted(draft, circuit.id)
        draft = _joined(call, draft, circuit, wanted)
    return Answer(draft=draft, subject=circuit)


def delete(call: Call) -> Answer:
    """Delete a circuit with its attachment."""
    answer = removal.delete(call)
    draft = drgs.parted(answer.draft, call.about(VirtualCircuit).id)
    return Answer(draft=draft, status=answer.status)


def list_bandwidths(call: Call) -> Answer:
    """List the bandwidths that a circuit may have."""
    found: list[Json] = [
        {"name": name, "bandwidthInMbps": megabits}
        for name, megabits in BANDWIDTHS.items()
    ]
    return paged(call, in_order(found))
