"""Facts in the words of `ip`, for logs and for what CHECK answers."""

from mooring.core.linux.plan import (
    MAIN,
    POD,
    Address,
    Fact,
    LinkUp,
    Neighbour,
    Route,
    Rule,
    Sysctl,
    Veth,
)


def say(fact: Fact) -> str:
    """Say a fact in one line, and where it belongs unless that is the node."""
    match fact:
        case Veth(near=near, far=far):
            words = f"veth {near.name} to {far.name}"
        case LinkUp(link=link, mtu=mtu):
            words = f"link {link} up" + (f" mtu {mtu}" if mtu else "")
        case Address(address=address, link=link):
            words = f"address {address} on {link}"
        case Route():
            words = _route(fact)
        case Rule():
            words = _rule(fact)
        case Neighbour(address=address, mac=mac, link=link):
            words = f"neighbour {address} at {mac} on {link}"
        case Sysctl(key=key, value=value):
            words = f"setting {key}={value}"
    inside = not isinstance(fact, Veth) and fact.space == POD
    return f"{words} in the pod" if inside else words


def _route(fact: Route) -> str:
    return "route " + " ".join(
        word
        for word in (
            "" if fact.kind == "unicast" else fact.kind,
            str(fact.destination),
            f"via {fact.gateway}" if fact.gateway else "",
            f"on {fact.link}" if fact.link else "",
            "" if fact.table == MAIN else f"in table {fact.table}",
        )
        if word
    )


def _rule(fact: Rule) -> str:
    mark = "" if fact.mark is None else f" for mark {fact.mark:#x}"
    return f"rule {fact.priority}{mark} to table {fact.table}"
