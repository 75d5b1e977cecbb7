"""What a node's agent says of its pool: which addresses are held, cool, or are free.

The controller decides by it how large the pool has to be, and which objects of the cloud
nobody uses. `serial` names the status that the agent has followed: only what it says after an
address was taken off the status can prove that it hands that address out no more.
"""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

from mooring.core.npn.fields import Field

Address = IPv4Address | IPv6Address
MOST = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Addresses by what the agent does with them. Those that cool include those kept by a flow."""

    serial: int = 0
    held: frozenset[Address] = frozenset()
    cooling: frozenset[Address] = frozenset()
    free: frozenset[Address] = frozenset()

    @property
    def busy(self) -> frozenset[Address]:
        """Give those that cannot be handed out now."""
        return self.held | self.cooling

    @property
    def known(self) -> frozenset[Address]:
        """Give all that the agent names."""
        return self.busy | self.free


def read(document: object) -> Usage:
    """Read what stands below `usage`; raise Unreadable."""
    usage = Field("usage", document)
    return Usage(
        serial=usage.at("serial").either(lambda f: f.whole(0, 2**63 - 1), 0),
        held=_addresses(usage.at("held")),
        cooling=_addresses(usage.at("cooling")),
        free=_addresses(usage.at("free")),
    )


def write(usage: Usage) -> dict[str, Any]:
    """Give what stands below `usage`."""
    return {
        "serial": usage.serial,
        "held": _texts(usage.held),
        "cooling": _texts(usage.cooling),
        "free": _texts(usage.free),
    }


def _addresses(field: Field) -> frozenset[Address]:
    return frozenset(_address(item) for item in field.items(MOST))


def _address(field: Field) -> Address:
    text = field.text(64)
    try:
        return ip_address(text)
    except ValueError:
        raise field.wrong("must be an IP address") from None


def _texts(addresses: frozenset[Address]) -> list[str]:
    return [str(a) for a in sorted(addresses, key=lambda a: (a.version, a))]
