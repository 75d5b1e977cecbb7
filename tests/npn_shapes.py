"""NativePodNetwork objects as others write them: Karpenter's provider, a Cluster API fork, OKE.

Karpenter's first version wrote `id`, `maxPodCount` and `secondaryVnics` alone, its later ones the flat
fields as well; Go writes null for what is not set.
"""

from typing import Any

from mooring.core.npn.codec import API_VERSION, KIND

KARPENTER: dict[str, Any] = {
    "apiVersion": API_VERSION,
    "kind": KIND,
    "metadata": {"name": "abuw4ljr", "creationTimestamp": None},
    "spec": {
        "id": "ocid1.instance.oc1.eu-frankfurt-1.abuw4ljr",
        "maxPodCount": 48,
        "podSubnetIds": ["ocid1.subnet.oc1..a"],
        "networkSecurityGroupIds": ["ocid1.networksecuritygroup.oc1..a"],
        "ipFamilies": ["IPv4"],
        "secondaryVnics": [
            {
                "displayName": "SVnic 0",
                "nicIndex": None,
                "createVnicDetails": {
                    "assignIpv6Ip": None,
                    "assignPublicIp": False,
                    "applicationResources": ["fast"],
                    "displayName": "SVnic 0",
                    "ipCount": 32,
                    "ipv6AddressIpv6SubnetCidrPairDetails": None,
                    "nsgIds": ["ocid1.networksecuritygroup.oc1..a"],
                    "securityAttributes": {"oracle-zpr": {"app": {"value": "x"}}},
                    "skipSourceDestCheck": True,
                    "subnetId": "ocid1.subnet.oc1..a",
                },
            },
            {
                "displayName": "SVnic 1",
                "createVnicDetails": {
                    "displayName": "SVnic 1",
                    "ipCount": 16,
                    "nsgIds": None,
                    "skipSourceDestCheck": True,
                    "subnetId": "ocid1.subnet.oc1..a",
                },
            },
        ],
    },
    "status": {},
}
KARPENTER_FIRST: dict[str, Any] = {
    **KARPENTER,
    "spec": {
        k: v
        for k, v in KARPENTER["spec"].items()
        if k in {"id", "maxPodCount", "secondaryVnics"}
    },
}
CAPOCI: dict[str, Any] = {
    "apiVersion": API_VERSION,
    "kind": KIND,
    "metadata": {"name": "abuw4ljr"},
    "spec": {
        "id": "ocid1.instance.oc1.eu-frankfurt-1.abuw4ljr",
        "maxPodCount": 31,
        "podSubnetIds": ["ocid1.subnet.oc1..a"],
        "networkSecurityGroupIds": None,
    },
}
OKE: dict[str, Any] = {
    "apiVersion": API_VERSION,
    "kind": KIND,
    "metadata": {"name": "abuw4ljr", "generation": 1},
    "spec": {
        "id": "ocid1.instance.oc1.eu-frankfurt-1.abuw4ljr",
        "ipFamilies": ["IPv4"],
        "maxPodCount": 31,
        "networkSecurityGroupIds": ["ocid1.networksecuritygroup.oc1..a"],
        "podSubnetIds": ["ocid1.subnet.oc1..a"],
    },
    "status": {
        "reason": "COMPLETED",
        "state": "SUCCESS",
        "vnics": [
            {
                "vnicId": "ocid1.vnic.oc1..a",
                "macAddress": "02:00:17:00:00:01",
                "nicConfiguration": {"subnetId": "s", "networkSecurityGroupIds": []},
                "routerIp": "10.0.10.1",
                "subnetCidr": "10.0.10.0/24",
                "addresses": ["10.0.10.5", "10.0.10.6"],
                "hostAddress": "10.0.10.4",
            }
        ],
    },
}
