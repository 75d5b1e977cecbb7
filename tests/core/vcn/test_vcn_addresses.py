"""Private IPs: chosen, made, moved, given back."""

from ipaddress import IPv4Address, IPv4Network

import pytest
from vcn_cloud import Cloud

from mooring.core.vcn.limits import SECONDARY_IPS_PER_VNIC

SMALL = "10.0.1.0/28"


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


@pytest.fixture
def vcn(cloud: Cloud) -> dict[str, str]:
    return cloud.vcn(dnsLabel="net")


class Net:
    """A subnet and an instance with one VNIC in it; the instance's own is elsewhere."""

    def __init__(self, cloud: Cloud, *cidrs: str) -> None:
        self.cloud = cloud
        vcn = cloud.vcn(dnsLabel="net")
        self.home = cloud.subnet(vcn, "10.0.255.0/24")
        self.subnet = cloud.subnet(vcn, *cidrs, dnsLabel="sub")
        self.instance = cloud.instance(self.home)
        self.vnic = cloud.attach(self.instance, self.subnet)

    def refused(self, **body: object) -> tuple[int, str, str]:
        return self.cloud.refused(
            "POST", "/privateIps", {"vnicId": self.vnic["id"], **body}
        )

    def taken(self) -> set[IPv4Address]:
        return {
            address
            for ip in self.cloud.world.private_ips_in(self.subnet["id"])
            for address in ip.block
        }


@pytest.fixture
def net(cloud: Cloud) -> Net:
    return Net(cloud, "10.0.1.0/24", "10.0.32.0/19")


# -- single addresses


def test_a_secondary_address_comes_out_of_the_first_block(
    cloud: Cloud, net: Net
) -> None:
    ip = cloud.ip(net.vnic, displayName="pod")

    assert IPv4Address(ip["ipAddress"]) in IPv4Network("10.0.1.0/24")
    assert (ip["isPrimary"], ip["lifetime"], ip["ipState"]) == (
        False,
        "EPHEMERAL",
        "ASSIGNED",
    )
    assert (ip["vnicId"], ip["subnetId"]) == (net.vnic["id"], net.subnet["id"])
    assert (ip["cidrPrefixLength"], ip["availabilityDomain"]) == (None, None)
    assert ip["ipv4SubnetCidrAtCreation"] == "10.0.1.0/24"


def test_another_block_may_be_named(cloud: Cloud, net: Net) -> None:
    ip = cloud.ip(net.vnic, ipv4SubnetCidrAtCreation="10.0.32.0/19")

    assert IPv4Address(ip["ipAddress"]) in IPv4Network("10.0.32.0/19")


def test_an_address_may_be_asked_for(cloud: Cloud, net: Net) -> None:
    assert cloud.ip(net.vnic, ipAddress="10.0.32.9")["ipAddress"] == "10.0.32.9"


def test_all_of_a_subnet_but_the_reserved_is_given(cloud: Cloud) -> None:
    net = Net(cloud, SMALL)
    for _ in range(12):
        cloud.ip(net.vnic)
    block = list(IPv4Network(SMALL))

    assert net.taken() == set(block[2:-1])

    status, code, message = net.refused()

    assert (status, code) == (409, "Conflict")
    assert net.subnet["id"] in message


@pytest.mark.parametrize("address", ["10.0.1.0", "10.0.1.1", "10.0.1.255", "10.0.32.1"])
def test_reserved_addresses_are_not_given(net: Net, address: str) -> None:
    status, code, message = net.refused(ipAddress=address)

    assert (status, code) == (400, "InvalidParameter")
    assert f'ipAddress "{address}"' in message


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"ipAddress": "10.0.2.9"}, "inside of 10.0.1.0/24, 10.0.32.0/19"),
        (
            {"ipAddress": "10.0.32.9", "ipv4SubnetCidrAtCreation": "10.0.1.0/24"},
            "inside of 10.0.1.0/24.",
        ),
        ({"ipv4SubnetCidrAtCreation": "10.0.0.0/16"}, "ipv4SubnetCidrAtCreation"),
        ({"ipAddress": "10.0.32.9", "cidrPrefixLength": 30}, "multiple of the size"),
        ({"ipAddress": "10.0.1.0", "cidrPrefixLength": 30}, "reserved"),
        ({"cidrPrefixLength": 17}, "from 18 to 31"),
        ({"cidrPrefixLength": 32}, "from 18 to 31"),
        ({"cidrPrefixLength": 28, "hostnameLabel": "x"}, "hostnameLabel"),
        ({"subnetId": "other"}, "subnetId"),
        ({"hostnameLabel": "-x"}, "hostnameLabel"),
    ],
)
def test_what_can_never_be_is_invalid(
    net: Net, body: dict[str, object], words: str
) -> None:
    status, code, message = net.refused(**body)

    assert (status, code) == (400, "InvalidParameter")
    assert words in message


def test_a_taken_address_is_a_conflict(cloud: Cloud, net: Net) -> None:
    ip = cloud.ip(net.vnic)
    status, code, message = net.refused(ipAddress=ip["ipAddress"])

    assert (status, code) == (409, "Conflict")
    assert ip["id"] in message


def test_the_same_dice_choose_the_same_address() -> None:
    found = {tuple(sorted(Net(Cloud(seed=seed), SMALL).taken())) for seed in (5, 5, 5)}

    assert len(found) == 1


def test_addresses_are_scattered(cloud: Cloud, net: Net) -> None:
    numbers = sorted(
        int(IPv4Address(cloud.ip(net.vnic)["ipAddress"])) for _ in range(20)
    )

    assert numbers[-1] - numbers[0] > 100


# -- limits and states


def test_a_vnic_holds_so_many(cloud: Cloud, net: Net) -> None:
    for _ in range(SECONDARY_IPS_PER_VNIC):
        cloud.ip(net.vnic)

    assert net.refused()[:2] == (400, "LimitExceeded")
    assert net.refused(cidrPrefixLength=28)[1] == "LimitExceeded"


def test_one_of_three_homes_must_be_named(cloud: Cloud) -> None:
    status, code, message = cloud.refused("POST", "/privateIps", {})

    assert (status, code) == (400, "MissingParameter")
    assert message.endswith("subnetId, vnicId, vlanId.")


@pytest.mark.parametrize("home", ["vnicId", "subnetId"])
def test_a_home_that_is_not_there_is_not_found(cloud: Cloud, home: str) -> None:
    refused = cloud.refused("POST", "/privateIps", {home: "nowhere"})

    assert refused[:2] == (404, "NotAuthorizedOrNotFound")


def test_a_vnic_that_comes_or_goes_takes_no_address(cloud: Cloud, net: Net) -> None:
    attachment = cloud.world.attachment_of_vnic(net.vnic["id"])
    assert attachment is not None
    cloud.delete(f"/vnicAttachments/{attachment.id}")

    assert net.refused()[:2] == (409, "IncorrectState")


# -- CIDR addresses


def test_a_cidr_address_comes_out_of_the_other_blocks(cloud: Cloud, net: Net) -> None:
    ip = cloud.ip(net.vnic, cidrPrefixLength=26)
    block = IPv4Network((ip["ipAddress"], ip["cidrPrefixLength"]))

    assert block.subnet_of(IPv4Network("10.0.32.0/19"))
    assert cloud.get(f"/subnets/{net.subnet['id']}")["lifecycleState"] == "AVAILABLE"


def test_cidr_addresses_do_not_overlap(cloud: Cloud, net: Net) -> None:
    cloud.ip(net.vnic, ipAddress="10.0.33.0", cidrPrefixLength=24)

    assert net.refused(ipAddress="10.0.33.9")[1] == "Conflict"
    assert net.refused(ipAddress="10.0.33.0", cidrPrefixLength=24)[1] == "Conflict"
    assert net.refused(ipAddress="10.0.32.0", cidrPrefixLength=22)[0] in (400, 409)


def test_the_first_cidr_address_of_the_first_block_moves_the_subnet(
    cloud: Cloud,
) -> None:
    net = Net(cloud, "10.0.1.0/24")
    cloud.ip(net.vnic, cidrPrefixLength=28)
    path = f"/subnets/{net.subnet['id']}"

    assert cloud.get(path)["lifecycleState"] == "UPDATING"
    assert net.refused()[:2] == (409, "IncorrectState")
    assert net.refused(cidrPrefixLength=28)[:2] == (409, "IncorrectState")

    single = next(iter(cloud.world.private_ips_of(net.vnic["id"])[1:]))

    assert cloud.refused("DELETE", f"/privateIps/{single.id}")[1] == "IncorrectState"

    cloud.wait()

    assert cloud.get(path)["lifecycleState"] == "AVAILABLE"

    cloud.ip(net.vnic, cidrPrefixLength=28)

    assert cloud.get(path)["lifecycleState"] == "AVAILABLE"


def test_a_fragmented_subnet_has_room_for_single_addresses_only(cloud: Cloud) -> None:
    net = Net(cloud, "10.0.1.0/27")
    for address in ("10.0.1.9", "10.0.1.17"):
        if IPv4Address(address) not in net.taken():
            cloud.ip(net.vnic, ipAddress=address)

    assert net.refused(cidrPrefixLength=29) == (
        409,
        "Conflict",
        f"There is no available IP CIDR of prefix length 29 in subnet {net.subnet['id']}.",
    )

    cloud.ip(net.vnic)


def test_all_further_blocks_are_tried_for_a_cidr_address(cloud: Cloud) -> None:
    net = Net(cloud, "10.0.1.0/24", "10.0.2.0/28", "10.0.3.0/28")
    found = {cloud.ip(net.vnic, cidrPrefixLength=30)["ipAddress"] for _ in range(4)}

    assert found == {"10.0.2.4", "10.0.2.8", "10.0.3.4", "10.0.3.8"}
    assert net.refused(cidrPrefixLength=30)[1] == "Conflict"


# -- host names


def test_a_host_name_is_its_subnet_s_only_one(cloud: Cloud, net: Net) -> None:
    ip = cloud.ip(net.vnic, hostnameLabel="Web")

    assert net.refused(hostnameLabel="wEB")[:2] == (409, "Conflict")

    cloud.put(f"/privateIps/{ip['id']}", {"hostnameLabel": "other"})
    cloud.ip(net.vnic, hostnameLabel="web")


def test_a_host_name_needs_a_dns_label(cloud: Cloud, net: Net) -> None:
    vnic = cloud.attach(net.instance, net.home)
    body = {"vnicId": vnic["id"], "hostnameLabel": "x"}

    assert cloud.refused("POST", "/privateIps", body)[1] == "InvalidParameter"


# -- reserved and free ones


def test_a_reserved_address_needs_no_vnic(cloud: Cloud, net: Net) -> None:
    ip = cloud.post("/privateIps", {"subnetId": net.subnet["id"]})

    assert (ip["vnicId"], ip["ipState"], ip["lifetime"]) == (
        None,
        "AVAILABLE",
        "RESERVED",
    )
    assert cloud.refused(
        "POST",
        "/privateIps",
        {"subnetId": net.subnet["id"], "lifetime": "EPHEMERAL"},
    )[:2] == (400, "InvalidParameter")

    moved = cloud.put(f"/privateIps/{ip['id']}", {"vnicId": net.vnic["id"]})

    assert (moved["vnicId"], moved["ipState"]) == (net.vnic["id"], "ASSIGNED")


def test_an_address_can_be_detached_and_stays_taken(cloud: Cloud, net: Net) -> None:
    ip = cloud.ip(net.vnic)
    path = f"/privateIps/{ip['id']}"
    free = cloud.post(f"{path}/actions/detach")

    assert (free["vnicId"], free["ipState"]) == (None, "AVAILABLE")
    assert IPv4Address(ip["ipAddress"]) in net.taken()
    assert cloud.refused("POST", f"{path}/actions/detach")[:2] == (409, "Conflict")
    assert cloud.refused("PUT", path, {"lifetime": "EPHEMERAL"})[0] == 400

    cloud.delete(path)

    assert IPv4Address(ip["ipAddress"]) not in net.taken()


# -- changing and moving


def test_an_address_moves_inside_its_subnet(cloud: Cloud, net: Net) -> None:
    other = cloud.attach(net.instance, net.subnet)
    block = cloud.ip(net.vnic, cidrPrefixLength=28)
    changes = {
        "vnicId": other["id"],
        "displayName": "moved",
        "lifetime": "RESERVED",
        "routeTableId": net.subnet["routeTableId"],
    }
    moved = cloud.put(f"/privateIps/{block['id']}", changes)

    assert {name: moved[name] for name in changes} == changes
    assert [ip.id for ip in cloud.world.private_ips_of(other["id"])][1:] == [
        moved["id"]
    ]
    assert len(cloud.world.private_ips_of(net.vnic["id"])) == 1


def test_moving_to_where_it_is_changes_nothing(cloud: Cloud, net: Net) -> None:
    ip = cloud.ip(net.vnic, hostnameLabel="x")
    same = {"vnicId": net.vnic["id"], "hostnameLabel": "x"}

    assert cloud.put(f"/privateIps/{ip['id']}", same) == ip


@pytest.mark.parametrize(
    ("body", "status"),
    [({"vnicId": "nowhere"}, 404), ({"hostnameLabel": "x"}, 400)],
)
def test_a_change_that_cannot_be_is_refused(
    cloud: Cloud, net: Net, body: dict[str, str], status: int
) -> None:
    block = cloud.ip(net.vnic, cidrPrefixLength=28)

    assert cloud.refused("PUT", f"/privateIps/{block['id']}", body)[0] == status


def test_an_address_does_not_leave_its_subnet(cloud: Cloud, net: Net) -> None:
    ip = cloud.ip(net.vnic)
    body = {"vnicId": cloud.primary(net.instance)["id"]}

    assert (
        cloud.refused("PUT", f"/privateIps/{ip['id']}", body)[1] == "InvalidParameter"
    )


def test_a_full_vnic_takes_none_in(cloud: Cloud, net: Net) -> None:
    other = cloud.attach(net.instance, net.subnet)
    for _ in range(SECONDARY_IPS_PER_VNIC):
        cloud.ip(other)
    ip = cloud.ip(net.vnic)

    assert (
        cloud.refused("PUT", f"/privateIps/{ip['id']}", {"vnicId": other["id"]})[1]
        == "LimitExceeded"
    )


@pytest.mark.parametrize(
    ("method", "end"), [("PUT", ""), ("DELETE", ""), ("POST", "/actions/detach")]
)
def test_a_primary_changes_and_goes_only_with_its_vnic(
    cloud: Cloud, net: Net, method: str, end: str
) -> None:
    primary = cloud.world.private_ips_of(net.vnic["id"])[0]
    path = f"/privateIps/{primary.id}{end}"

    assert cloud.refused(method, path, {})[:2] == (400, "InvalidParameter")
