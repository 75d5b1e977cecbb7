"""Whatever comes in, the answer is the API's, and a refusal changes nothing."""

import json
from copy import deepcopy

from hypothesis import given, settings
from hypothesis import strategies as st
from vcn_cloud import START, VERSION, Cloud

from mooring.core.vcn.api.apply import apply
from mooring.core.vcn.api.operations import OPERATIONS
from mooring.core.vcn.api.requests import Request
from mooring.core.vcn.world import World

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(
        ["10.0.0.0/16", "10.0.0.5", "::/0", "0.0.0.0/0", "CIDR_BLOCK", ""]
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


def prepared() -> tuple[World, dict[str, dict[str, object]]]:
    """Give a world with one of most things, and a good body for every POST and PUT."""
    cloud = Cloud()
    vcn = cloud.vcn(isIpv6Enabled=True, ipv6PrivateCidrBlocks=["fd12::/48"])
    subnet = cloud.subnet(
        vcn,
        "10.0.1.0/24",
        "10.0.2.0/24",
        ipv6CidrBlocks=["fd12::/64", "fd12:0:0:1::/64"],
    )
    inside = {"compartmentId": cloud.compartment, "vcnId": vcn["id"]}
    nat = cloud.post("/natGateways", inside)
    group = cloud.nsg(vcn)
    instance = cloud.instance(subnet)
    vnic = cloud.attach(instance, subnet)
    ip = cloud.ip(vnic)
    reserved = {"compartmentId": cloud.compartment, "lifetime": "RESERVED"}
    public = cloud.post("/publicIps", reserved)
    six = cloud.post("/ipv6", {"vnicId": vnic["id"], "ipv6SubnetCidr": "fd12::/64"})
    rule = {
        "direction": "INGRESS",
        "protocol": "6",
        "source": "0.0.0.0/0",
        "sourceType": "CIDR_BLOCK",
        "isStateless": False,
        "tcpOptions": {
            "sourcePortRange": {"min": 1, "max": 2},
            "destinationPortRange": {"min": 1, "max": 2},
        },
        "description": "x",
    }
    nsg_path = f"/networkSecurityGroups/{group['id']}"
    added = cloud.post(
        f"{nsg_path}/actions/addSecurityRules", {"securityRules": [rule]}
    )
    name = added["securityRules"][0]["id"]
    tags = {"displayName": "n", "freeformTags": {"a": "b"}, "definedTags": {"a": {}}}
    icmp = {"protocol": "1", "icmpOptions": {"type": 1, "code": 2}}
    route = {
        "destination": "0.0.0.0/0",
        "destinationType": "CIDR_BLOCK",
        "networkEntityId": nat["id"],
    }
    details = {
        **tags,
        "subnetId": subnet["id"],
        "nsgIds": [group["id"]],
        "privateIp": "10.0.1.99",
        "subnetCidr": "10.0.1.0/24",
        "assignPublicIp": False,
        "skipSourceDestCheck": True,
        "assignIpv6Ip": True,
        "ipv6AddressIpv6SubnetCidrPairDetails": [
            {"ipv6SubnetCidr": "fd12::/64", "ipv6Address": "fd12::77"}
        ],
    }
    address = {
        **tags,
        "vnicId": vnic["id"],
        "lifetime": "EPHEMERAL",
        "routeTableId": vcn["defaultRouteTableId"],
    }
    bodies: dict[str, dict[str, object]] = {
        "POST /vcns": {
            **tags,
            **inside,
            "cidrBlock": "10.8.0.0/16",
            "dnsLabel": "x",
            "isIpv6Enabled": True,
            "isOracleGuaAllocationEnabled": False,
            "ipv6PrivateCidrBlocks": ["fd13::/48"],
        },
        f"POST /vcns/{vcn['id']}/actions/addCidr": {"cidrBlock": "10.9.0.0/16"},
        f"POST /vcns/{vcn['id']}/actions/modifyCidr": {
            "originalCidrBlock": "10.0.0.0/16",
            "newCidrBlock": "10.0.0.0/20",
        },
        f"POST /subnets/{subnet['id']}/actions/addIpv4Cidr": {
            "ipv4CidrBlock": "10.0.3.0/24"
        },
        f"POST /subnets/{subnet['id']}/actions/modifyIpv4Cidr": {
            "ipv4CidrBlock": "10.0.2.0/24",
            "updatedIpv4CidrBlock": "10.0.2.0/23",
        },
        f"POST /subnets/{subnet['id']}/actions/removeIpv4Cidr": {
            "ipv4CidrBlock": "10.0.2.0/24"
        },
        f"POST /subnets/{subnet['id']}/actions/addIpv6Cidr": {
            "ipv6CidrBlock": "fd12:0:0:2::/64"
        },
        f"POST /subnets/{subnet['id']}/actions/removeIpv6Cidr": {
            "ipv6CidrBlock": "fd12:0:0:1::/64"
        },
        "PUT /vcns/" + vcn["id"]: tags,
        "POST /subnets": {
            **inside,
            "cidrBlock": "10.0.9.0/24",
            "routeTableId": vcn["defaultRouteTableId"],
            "securityListIds": [vcn["defaultSecurityListId"]],
            "dhcpOptionsId": vcn["defaultDhcpOptionsId"],
            "availabilityDomain": cloud.domain,
            "prohibitInternetIngress": True,
            "ipv6CidrBlock": "fd12:0:0:9::/64",
        },
        "PUT /subnets/" + subnet["id"]: {"securityListIds": []},
        "POST /routeTables": {**inside, "routeRules": [route]},
        "PUT /routeTables/" + vcn["defaultRouteTableId"]: {"routeRules": [route]},
        "POST /securityLists": {
            **inside,
            "ingressSecurityRules": [rule],
            "egressSecurityRules": [{**icmp, "destination": "::/0"}],
        },
        f"POST {nsg_path}/actions/addSecurityRules": {"securityRules": [rule]},
        f"POST {nsg_path}/actions/updateSecurityRules": {
            "securityRules": [{**rule, "id": name}]
        },
        f"POST {nsg_path}/actions/removeSecurityRules": {"securityRuleIds": [name]},
        "POST /internetGateways": {**inside, "isEnabled": True},
        "POST /natGateways": {**inside, "blockTraffic": True},
        "POST /dhcps": {
            **inside,
            "options": [
                {
                    "type": "DomainNameServer",
                    "serverType": "CustomDnsServer",
                    "customDnsServers": ["10.0.0.1"],
                },
                {"type": "SearchDomain", "searchDomainNames": ["x"]},
            ],
        },
        "POST /instances": {
            **cloud.launch_body(subnet),
            "createVnicDetails": details,
            "metadata": {"a": "b"},
            "extendedMetadata": {"a": {"b": [1]}},
            "faultDomain": "FAULT-DOMAIN-1",
            "sourceDetails": {"imageId": "x"},
        },
        "PUT /instances/" + instance["id"]: {
            "metadata": {"a": "b"},
            "shape": "VM.Standard.E5.Flex",
            "shapeConfig": {"vcpus": 8, "memoryInGBs": 8},
            "faultDomain": "FAULT-DOMAIN-2",
            "updateOperationConstraint": "ALLOW_DOWNTIME",
        },
        "POST /publicIps": {
            **tags,
            "compartmentId": cloud.compartment,
            "lifetime": "RESERVED",
        },
        "PUT /publicIps/" + public["id"]: {**tags, "privateIpId": ""},
        "POST /publicIps/actions/getByIpAddress": {"ipAddress": public["ipAddress"]},
        "POST /privateIps/actions/bulkCreatePrivateIps": {
            "vnicId": vnic["id"],
            "subnetId": subnet["id"],
            "bulkCreatePrivateIpItem": [{**tags, "ipAddress": "10.0.1.88"}],
        },
        "POST /privateIps/actions/bulkUpdatePrivateIps": {
            "vnicId": vnic["id"],
            "bulkUpdatePrivateIpItem": [{**tags, "privateIpId": ip["id"]}],
        },
        "POST /ipv6/actions/bulkDetachIpv6s": {
            "vnicId": vnic["id"],
            "bulkDetachIpv6sItem": [{"ipv6Id": six["id"]}],
        },
        "POST /ipInventory": {
            "regionList": ["local-1"],
            "compartmentList": [cloud.compartment],
            "utilization": 0.5,
            "overlappingVcnsOnly": True,
            "addressTypeList": ["Private_IPv4"],
            "searchKeyword": "x",
            "sortBy": "UTILIZATION",
            "paginationOffset": 1,
        },
        "POST /vnicAttachments": {
            "instanceId": instance["id"],
            "nicIndex": 0,
            "createVnicDetails": details,
        },
        "PUT /vnics/" + vnic["id"]: {**tags, "nsgIds": [], "routeTableId": ""},
        "POST /privateIps": {
            **address,
            "ipAddress": "10.0.2.16",
            "cidrPrefixLength": 28,
            "ipv4SubnetCidrAtCreation": "10.0.2.0/24",
        },
        "PUT /privateIps/" + ip["id"]: address,
        "POST /ipv6": {
            **address,
            "ipAddress": "fd12:0:0:1:1::",
            "cidrPrefixLength": 96,
            "ipv6SubnetCidr": "fd12:0:0:1::/64",
        },
        "PUT /ipv6/" + six["id"]: {**address, "vnicId": vnic["id"]},
    }
    return cloud.world, bodies


WORLD, BODIES = prepared()


def no_constant(text: str) -> None:
    raise AssertionError(f"{text} is no JSON")


def ask(method: str, path: str, body: bytes, **more: dict[str, str]) -> int:
    """Make a call on the prepared world and hold the answer against the rules."""
    request = Request(
        method=method,
        path=path,
        body=body,
        now=START,
        entropy=b"entropy-entropy-",
        **more,
    )
    outcome = apply(WORLD, request)
    status = outcome.reply.status
    if status >= 400:
        assert status < 500 or status == 501
        assert outcome.world is WORLD
        assert outcome.changes == ()
        error = json.loads(outcome.reply.body)
        assert set(error) == {"code", "message"}
        assert isinstance(error["message"], str)
    elif outcome.reply.body:
        json.loads(outcome.reply.body, parse_constant=no_constant)
    return status


def encoded(body: object) -> bytes:
    return json.dumps(body).encode()


def places(value: object, way: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    """Give the way to every value inside of a value."""
    found = [way] if way else []
    if isinstance(value, dict):
        items = list(value.items())
    else:
        items = list(enumerate(value)) if isinstance(value, list) else []
    for key, inner in items:
        found += places(inner, (*way, key))
    return found


def test_the_good_bodies_are_good() -> None:
    refused = {
        call: status
        for call, body in BODIES.items()
        if (status := ask(call.split()[0], VERSION + call.split()[1], encoded(body)))
        != 200
    }

    assert set(refused.values()) <= {202, 204}


@settings(max_examples=400)
@given(st.data())
def test_one_spoilt_value_is_refused_or_taken_but_never_breaks(
    data: st.DataObject,
) -> None:
    call = data.draw(st.sampled_from(sorted(BODIES)))
    body = deepcopy(BODIES[call])
    way = data.draw(st.sampled_from(places(body)))
    inner: object = body
    for step in way[:-1]:
        inner = inner[step]
    inner[way[-1]] = data.draw(json_values)
    method, path = call.split()

    ask(method, VERSION + path, encoded(body))


@settings(max_examples=200)
@given(st.sampled_from(sorted(BODIES)), json_values)
def test_any_json_is_answered(call: str, body: object) -> None:
    method, path = call.split()

    ask(method, VERSION + path, encoded(body))


def is_object(body: bytes) -> bool:
    try:
        return isinstance(json.loads(body), dict)
    except ValueError:
        return False


@given(st.sampled_from(sorted(BODIES)), st.binary())
def test_any_bytes_are_answered(call: str, body: bytes) -> None:
    method, path = call.split()

    status = ask(method, VERSION + path, body)

    # Chance knows the constants of our code, "{}" among them, which changes nothing.
    assert status == 400 or is_object(body)


@settings(max_examples=200)
@given(
    st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD", ""]),
    st.lists(
        st.text(max_size=5)
        | st.sampled_from(sorted({path for _, path in OPERATIONS}))
        | st.sampled_from([VERSION, "actions", *sorted(WORLD.records)[:30]]),
        max_size=4,
    ),
    st.dictionaries(
        st.sampled_from(
            ["compartmentId", "limit", "page", "sortBy", "vnicId", "action"]
        ),
        st.text(max_size=10),
    ),
    st.dictionaries(
        st.sampled_from(["if-match", "opc-retry-token", "opc-request-id"]),
        st.text(max_size=80),
    ),
)
def test_any_path_query_and_header_are_answered(
    method: str, path: list[str], query: dict[str, str], headers: dict[str, str]
) -> None:
    ask(method, VERSION + "/" + "/".join(path), b"{}", query=query, headers=headers)
