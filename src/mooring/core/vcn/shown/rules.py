"""Security rules as they are shown."""

from mooring.core.vcn.model import Ports, SecurityList, SecurityRule
from mooring.core.vcn.shown.forms import Json, More, moment
from mooring.core.vcn.world import World


def _security_list(rules: SecurityList, _: World) -> Json:
    return {
        f"{direction.lower()}SecurityRules": [
            _rule(rule) for rule in rules.rules if rule.direction == direction
        ]
        for direction in ("INGRESS", "EGRESS")
    }


def _rule(rule: SecurityRule) -> Json:
    """Show what rules of lists and of groups have in common."""
    peer = "source" if rule.direction == "INGRESS" else "destination"
    return {
        "protocol": rule.protocol,
        peer: rule.peer,
        f"{peer}Type": rule.peer_type,
        "isStateless": rule.is_stateless,
        "description": rule.description,
        "tcpOptions": _ports(rule) if rule.protocol == "6" else None,
        "udpOptions": _ports(rule) if rule.protocol == "17" else None,
        "icmpOptions": None
        if rule.icmp_type is None
        else {"type": rule.icmp_type, "code": rule.icmp_code},
    }


def _ports(rule: SecurityRule) -> Json | None:
    if rule.source_ports is None and rule.destination_ports is None:
        return None
    return {
        "sourcePortRange": _range(rule.source_ports),
        "destinationPortRange": _range(rule.destination_ports),
    }


def _range(ports: Ports | None) -> Json | None:
    return None if ports is None else {"min": ports.min, "max": ports.max}


def group_rule(world: World, rule: SecurityRule) -> Json:
    """Show a group's rule; it is invalid when the group that it names is gone."""
    refers = rule.peer_type == "NETWORK_SECURITY_GROUP"
    return {
        **_rule(rule),
        "id": rule.id,
        "direction": rule.direction,
        "isValid": not refers or world.get(rule.peer) is not None,
        "timeCreated": rule.time_created and moment(rule.time_created),
    }


MORE: More = {
    SecurityList: _security_list,
}
