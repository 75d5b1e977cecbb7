"""The writing half of the NativePodNetwork's JSON form; `codec` is the room's door."""

from typing import Any

from mooring.core.npn.policy import ANNOTATION, NAMES
from mooring.core.npn.record import (
    Npn,
    NpnSpec,
    NpnStatus,
    PoolStatus,
    SecondaryVnic,
    VnicStatus,
)

API_VERSION = "oci.oraclecloud.com/v1beta1"
KIND = "NativePodNetwork"


def render(npn: Npn) -> dict[str, Any]:
    """Give the whole object; the status only when there is one."""
    metadata: dict[str, Any] = {"name": npn.name, "generation": npn.generation}
    if npn.deleting:
        # The moment is the API server's to know; that there is one is all we carry.
        metadata["deletionTimestamp"] = "1970-01-01T00:00:00Z"
    if npn.pool is not None:
        metadata["annotations"] = {ANNOTATION: npn.pool}
    document = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": metadata,
        "spec": _render_spec(npn.spec),
    }
    if npn.status != NpnStatus():
        document["status"] = render_status(npn.status)
    return document


def render_status(status: NpnStatus) -> dict[str, Any]:
    """Give the status under both generations of names."""
    return _present(
        state=status.state,
        reason=status.reason,
        message=status.message,
        observedGeneration=status.observed_generation,
        vnicCount=len(status.vnics),
        vnics=[_render_vnic(v) for v in status.vnics],
        conditions=[
            {
                "type": c.type,
                "status": c.status,
                "reason": c.reason,
                "message": c.message,
            }
            for c in status.conditions
        ],
        pool=_render_pool(status.pool) if status.pool else None,
        compartmentId=status.compartment,
        workRequestId=status.work,
    )


def _render_pool(pool: PoolStatus) -> dict[str, Any]:
    said = {name: getattr(pool.policy, own) for name, (own, _, _) in NAMES.items()}
    known = {name: value for name, value in said.items() if value is not None}
    return {**known, "serial": pool.serial}


def _present(**fields: Any) -> dict[str, Any]:  # noqa: ANN401 - raw JSON
    """Leave out what is empty: absent and empty read the same."""
    return {k: v for k, v in fields.items() if v not in (None, "", [], {}, 0, False)}


def _render_spec(spec: NpnSpec) -> dict[str, Any]:
    return _present(
        id=spec.id,
        maxPodCount=spec.max_pod_count,
        podSubnetIds=list(spec.pod_subnet_ids),
        networkSecurityGroupIds=list(spec.network_security_group_ids),
        ipFamilies=list(spec.ip_families),
        secondaryVnics=[_render_profile(v) for v in spec.secondary_vnics],
    )


def _render_profile(profile: SecondaryVnic) -> dict[str, Any]:
    details = _present(
        displayName=profile.display_name,
        subnetId=profile.subnet_id,
        ipCount=profile.ip_count,
        nsgIds=list(profile.nsg_ids),
        assignIpv6Ip=profile.assign_ipv6_ip,
        assignPublicIp=profile.assign_public_ip,
        ipv6AddressIpv6SubnetCidrPairDetails=[
            _present(
                ipv6Address=c.address and str(c.address),
                ipv6SubnetCidr=c.subnet_cidr and str(c.subnet_cidr),
            )
            for c in profile.ipv6_choices
        ],
        applicationResources=list(profile.application_resources),
        freeformTags=dict(profile.freeform_tags),
        definedTags=dict(profile.defined_tags),
        securityAttributes=dict(profile.security_attributes),
    )
    return _present(
        displayName=profile.attachment_name,
        nicIndex=profile.nic_index,
        createVnicDetails={
            **details,
            "skipSourceDestCheck": profile.skip_source_dest_check,
        },
    )


def _render_vnic(vnic: VnicStatus) -> dict[str, Any]:
    legacy = "IPv4" in vnic.ip_families
    old = _present(
        subnetCidr=vnic.subnet_v4 and str(vnic.subnet_v4),
        routerIp=vnic.router.v4 and str(vnic.router.v4),
        hostAddress=vnic.host.v4 and str(vnic.host.v4),
        addresses=[str(p.v4) for p in vnic.pod_addresses if p.v4],
    )
    return {
        "vnicId": vnic.vnic_id,
        "macAddress": vnic.mac_address,
        "nicConfiguration": _render_nic(vnic),
        **_present(
            subnetCidrs=_one(vnic.subnet_v4, vnic.subnet_v6),
            routerIps=_one(vnic.router.v4, vnic.router.v6),
            hostAddresses=_one(vnic.host.v4, vnic.host.v6),
            podAddresses=[_render_pair(p.v4, p.v6) for p in vnic.pod_addresses],
            nicIndex=vnic.nic_index,
        ),
        **({} if vnic.vlan_tag is None else {"vlanTag": vnic.vlan_tag}),
        **(old if legacy else {}),
    }


def _render_nic(vnic: VnicStatus) -> dict[str, Any]:
    nsgs = list(vnic.nsg_ids)
    return _present(
        ipCount=vnic.ip_count,
        ipFamilies=list(vnic.ip_families),
        subnet=vnic.subnet_id,
        subnetId=vnic.subnet_id,
        nsgs=nsgs,
        networkSecurityGroupIds=nsgs,
        applicationResources=list(vnic.application_resources),
    )


def _render_pair(v4: object, v6: object) -> dict[str, str]:
    return {
        name: str(value)
        for name, value in (("v4", v4), ("v6", v6))
        if value is not None
    }


def _one(v4: object, v6: object) -> list[dict[str, str]]:
    pair = _render_pair(v4, v6)
    return [pair] if pair else []
