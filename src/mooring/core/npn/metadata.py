"""What an instance's metadata asks for: the spec of its object (oci-facts 4.4).

    oke-native-pod-networking  "true": its pods are to have addresses of the VCN
    oke-preconfigured-vnics    "true": somebody else makes the object
    oke-max-pods               pods on the node, 31 when it says nothing
    pod-subnets                the pods' subnets, with commas between them
    pod-nsgids                 the groups of their VNICs, likewise
    oke-ip-families            "IPv4", "IPv6" or both, the preferred one first

The key for the families is ours: the cloud's own documentation names none.
"""

from collections.abc import Mapping

from mooring.core.net.fields import Field, Unreadable
from mooring.core.npn.codec import FAMILIES, MOST_PODS
from mooring.core.npn.record import Npn, NpnSpec

NATIVE, PRECONFIGURED = "oke-native-pod-networking", "oke-preconfigured-vnics"
MAX_PODS, SUBNETS, GROUPS = "oke-max-pods", "pod-subnets", "pod-nsgids"
IP_FAMILIES = "oke-ip-families"
MOST_IDS = 5
DEFAULT_PODS = 31


def wish(instance_id: str, metadata: Mapping[str, str]) -> Npn | None:
    """Give the object that an instance asks for, None when it asks for none.

    Raise Unreadable when what it says cannot be right.
    """
    if not _flag(metadata, NATIVE) or _flag(metadata, PRECONFIGURED):
        return None
    subnets = _ids(metadata, SUBNETS)
    if not subnets:
        raise _field(metadata, SUBNETS).wrong("must name the pods' subnet")
    return Npn(
        name=name_of(instance_id),
        spec=NpnSpec(
            id=instance_id,
            max_pod_count=_pods(metadata),
            pod_subnet_ids=subnets,
            network_security_group_ids=_ids(metadata, GROUPS),
            ip_families=_families(metadata),
        ),
    )


def declines(metadata: Mapping[str, str]) -> bool:
    """Tell whether it says that pods have no addresses of the VCN; raise Unreadable."""
    return not _field(metadata, NATIVE).absent and not _flag(metadata, NATIVE)


def name_of(instance_id: str) -> str:
    """Name the object of an instance: the last part of its OCID."""
    return instance_id.rpartition(".")[2].lower()


def _field(metadata: Mapping[str, str], key: str) -> Field:
    return Field(f"metadata['{key}']", metadata.get(key))


def _flag(metadata: Mapping[str, str], key: str) -> bool:
    field = _field(metadata, key)
    if field.absent:
        return False
    return Field(field.path, str(field.value).lower()).one_of("true", "false") == "true"


def _pods(metadata: Mapping[str, str]) -> int:
    field = _field(metadata, MAX_PODS)
    if field.absent:
        return DEFAULT_PODS
    text = field.text(16).strip()
    if not (text.isascii() and text.isdigit()):
        raise field.wrong(f"must be a whole number from 1 to {MOST_PODS}")
    return Field(field.path, int(text)).whole(1, MOST_PODS)


def _ids(metadata: Mapping[str, str], key: str) -> tuple[str, ...]:
    found = _words(metadata, key)
    field = _field(metadata, key)
    if len(found) > MOST_IDS:
        raise field.wrong(f"must name at most {MOST_IDS}, names {len(found)}")
    for each in found:
        if not each.startswith("ocid1.") or len(each) > 255:
            raise Unreadable(field.path, each, "must be OCIDs with commas between them")
    return found


def _families(metadata: Mapping[str, str]) -> tuple[str, ...]:
    found = tuple(
        Field(f"metadata['{IP_FAMILIES}']", word).one_of(*FAMILIES)
        for word in _words(metadata, IP_FAMILIES)
    )
    if len(set(found)) < len(found):
        raise _field(metadata, IP_FAMILIES).wrong("must not name a family twice")
    return found or ("IPv4",)


def _words(metadata: Mapping[str, str], key: str) -> tuple[str, ...]:
    """Read what has commas between it; nothing is nothing."""
    field = _field(metadata, key)
    text = field.either(lambda f: f.text(16384, 0), "")
    return tuple(word.strip() for word in text.split(",") if word.strip())
