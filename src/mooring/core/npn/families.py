"""Which IP families a VNIC's pods are to have, and which of them its subnet can give.

In classic mode the object's `ipFamilies` rule. A profile has IPv6 beside IPv4 when it says
`assignIpv6Ip` (oci-facts 1.6, step 10), in the object's order of preference. An object that
names no family reads as IPv4; its profile in a subnet of IPv6 alone means that one.
"""

from collections.abc import Iterable

from mooring.core.npn.record import NpnSpec, SecondaryVnic
from mooring.core.npn.seen import SubnetSeen

IPV4, IPV6 = "IPv4", "IPv6"
FAMILIES = (IPV4, IPV6)
VERSION = {IPV4: 4, IPV6: 6}
UNSAID = (IPV4,)
"""What an object that names no family reads as."""


def asked(spec: NpnSpec, profile: SecondaryVnic) -> tuple[str, ...]:
    """Give the families that a profile asks for, the preferred one first."""
    if spec.ip_families == UNSAID:
        return FAMILIES if profile.assign_ipv6_ip else UNSAID
    if len(spec.ip_families) == 1 or profile.assign_ipv6_ip:
        return spec.ip_families
    return (IPV4,)


def meant(
    families: tuple[str, ...], subnet: SubnetSeen | None, *, profiled: bool
) -> tuple[str, ...]:
    """Give the families that are meant, once the subnet is known."""
    unsaid = profiled and families == UNSAID and subnet is not None
    return (IPV6,) if unsaid and subnet and subnet.v6 and not subnet.v4 else families


def served(families: Iterable[str], subnet: SubnetSeen | None) -> tuple[str, ...]:
    """Give those that the subnet has; of one that was not shown all is believed."""
    return tuple(f for f in families if subnet is None or subnet.has(f))


def may_want_ipv6(spec: NpnSpec) -> bool:
    """Tell whether IPv6 is asked for, by the families or by a profile."""
    profiles = spec.secondary_vnics
    return IPV6 in spec.ip_families or any(p.assign_ipv6_ip for p in profiles)
