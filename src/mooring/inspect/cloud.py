"""The instance's VNICs and their addresses, as the cloud has them."""

from contextlib import suppress

from mooring.core.npn.errors import NotFound
from mooring.core.npn.families import may_want_ipv6
from mooring.core.npn.port import Cloud
from mooring.core.npn.record import Npn
from mooring.core.npn.seen import DEAD, MINE, AddressSeen, VnicSeen
from mooring.core.wiring.audit.sides import CloudTold, NpnTold
from mooring.inspect.place import Unseen


def look(cloud: Cloud, instance: str, told: NpnTold) -> CloudTold:
    """Ask for all attached VNICs, and for the addresses of those that are ours."""
    listed = {v.vnic_id for v in told.npn.status.vnics} if told.npn else set()
    try:
        found = cloud.attachments(cloud.instance(instance))
    except NotFound as why:
        raise Unseen(f"the cloud shows no instance {instance}: {why}") from why
    vnics: dict[str, VnicSeen] = {}
    for attachment in found:
        if attachment.vnic_id and attachment.state not in DEAD:
            with suppress(NotFound):
                vnics[attachment.vnic_id] = cloud.vnic(attachment.vnic_id)
    six = told.npn is not None and _has_ipv6(told.npn)
    addresses: dict[str, tuple[AddressSeen, ...]] = {}
    for ident, vnic in vnics.items():
        if ident in listed or vnic.tags.get(MINE) == told.name:
            addresses[ident] = cloud.addresses(ident)
            if six:
                addresses[ident] += cloud.ipv6s(ident)
    return CloudTold(vnics=vnics, addresses=addresses)


def _has_ipv6(npn: Npn) -> bool:
    """Tell whether pods have, or are to have, IPv6 addresses."""
    listed = any(v.router.v6 or v.host.v6 for v in npn.status.vnics)
    return listed or may_want_ipv6(npn.spec)
