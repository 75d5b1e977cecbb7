"""VNICs and their attachments."""

from datetime import timedelta

import pytest
from vcn_cloud import Cloud

from mooring.core.vcn.limits import Delays, Settings


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


@pytest.fixture
def subnet(cloud: Cloud) -> dict[str, str]:
    return cloud.subnet(cloud.vcn(dnsLabel="net"), dnsLabel="sub")


@pytest.fixture
def instance(cloud: Cloud, subnet: dict[str, str]) -> dict[str, str]:
    return cloud.instance(subnet)


def details(
    instance: dict[str, str], subnet: dict[str, str], **more: object
) -> dict[str, object]:
    return {
        "instanceId": instance["id"],
        "createVnicDetails": {"subnetId": subnet["id"]},
        **more,
    }


def attachment_path(cloud: Cloud, vnic: dict[str, str]) -> str:
    attachment = cloud.world.attachment_of_vnic(vnic["id"])
    assert attachment is not None
    return f"/vnicAttachments/{attachment.id}"


def test_a_vnic_s_id_is_shown_once_it_is_attached(
    cloud: Cloud, subnet: dict[str, str], instance: dict[str, str]
) -> None:
    body = details(instance, subnet, displayName="second", nicIndex=0)
    made = cloud.post("/vnicAttachments", body)

    assert (made["lifecycleState"], made["vnicId"]) == ("ATTACHING", None)
    assert (made["displayName"], made["nicIndex"]) == ("second", 0)

    cloud.wait()
    got = cloud.get(f"/vnicAttachments/{made['id']}")

    assert got["lifecycleState"] == "ATTACHED"
    assert cloud.get(f"/vnics/{got['vnicId']}")["lifecycleState"] == "AVAILABLE"


def test_an_attachment_takes_as_long_as_is_set() -> None:
    cloud = Cloud(Settings(delays=Delays(vnic_attach=timedelta(minutes=2))))
    subnet = cloud.subnet(cloud.vcn())
    cloud.post("/instances", cloud.launch_body(subnet))
    launched = cloud.now
    cloud.wait(60)
    vnic = next(cloud.world.vnics_of_subnet(subnet["id"]))

    assert vnic.lifecycle_state == "PROVISIONING"
    assert cloud.world.due() == launched + timedelta(minutes=2)

    cloud.wait(60)
    vnic = next(cloud.world.vnics_of_subnet(subnet["id"]))

    assert vnic.lifecycle_state == "AVAILABLE"
    assert vnic.settles_at is None


def test_slots_are_the_lowest_that_are_free(
    cloud: Cloud, subnet: dict[str, str], instance: dict[str, str]
) -> None:
    first = cloud.attach(instance, subnet)
    cloud.attach(instance, subnet)
    cloud.delete(attachment_path(cloud, first))
    cloud.wait()
    third = cloud.attach(instance, subnet)

    live = {
        attachment.slot: attachment.vnic_id
        for attachment in cloud.world.attachments_of(instance["id"])
        if attachment.lifecycle_state == "ATTACHED"
    }

    assert set(live) == {0, 1, 2}
    assert live[1] == third["id"]


def test_the_shape_limits_attachments(cloud: Cloud, subnet: dict[str, str]) -> None:
    instance = cloud.instance(subnet, shapeConfig={"ocpus": 2})
    cloud.attach(instance, subnet)

    refused = cloud.refused("POST", "/vnicAttachments", details(instance, subnet))

    assert refused[:2] == (400, "LimitExceeded")
    assert instance["id"] in refused[2]


def test_an_instance_that_does_not_run_takes_no_vnic(
    cloud: Cloud, subnet: dict[str, str]
) -> None:
    made = cloud.post("/instances", cloud.launch_body(subnet))

    refused = cloud.refused("POST", "/vnicAttachments", details(made, subnet))

    assert refused[:2] == (409, "IncorrectState")


def test_a_vnic_for_no_instance_or_subnet_is_refused(
    cloud: Cloud, subnet: dict[str, str], instance: dict[str, str]
) -> None:
    nowhere = {"id": "nowhere"}

    for body in (details(nowhere, subnet), details(instance, nowhere)):
        assert cloud.refused("POST", "/vnicAttachments", body)[0] == 404


def test_detaching_ends_the_vnic_and_frees_its_addresses(
    cloud: Cloud, subnet: dict[str, str], instance: dict[str, str]
) -> None:
    vnic = cloud.attach(instance, subnet)
    cloud.ip(vnic)
    path = attachment_path(cloud, vnic)
    cloud.delete(path)

    assert cloud.get(path)["lifecycleState"] == "DETACHING"
    assert cloud.get(path)["vnicId"] == vnic["id"]
    assert cloud.get(f"/vnics/{vnic['id']}")["lifecycleState"] == "TERMINATING"
    assert cloud.refused("DELETE", path)[:2] == (409, "IncorrectState")

    cloud.wait()

    assert cloud.get(path)["lifecycleState"] == "DETACHED"
    assert cloud.refused("GET", f"/vnics/{vnic['id']}")[0] == 404
    assert len(list(cloud.world.private_ips_in(subnet["id"]))) == 1


def test_the_primary_is_not_detached(cloud: Cloud, instance: dict[str, str]) -> None:
    path = attachment_path(cloud, cloud.primary(instance))

    assert cloud.refused("DELETE", path)[:2] == (400, "InvalidParameter")


# -- changing a VNIC


def test_a_vnic_changes(
    cloud: Cloud, subnet: dict[str, str], instance: dict[str, str]
) -> None:
    vnic = cloud.attach(instance, subnet)
    group = cloud.nsg({"id": subnet["vcnId"]})
    changes = {
        "displayName": "new",
        "nsgIds": [group["id"]],
        "skipSourceDestCheck": True,
        "hostnameLabel": "host",
        "routeTableId": subnet["routeTableId"],
    }
    changed = cloud.put(f"/vnics/{vnic['id']}", changes)

    assert {name: changed[name] for name in changes} == changes
    assert cloud.world.private_ips_of(vnic["id"])[0].hostname_label == "host"

    same = cloud.put(f"/vnics/{vnic['id']}", {"hostnameLabel": "host"})

    assert same["nsgIds"] == [group["id"]]
    assert same["skipSourceDestCheck"] is True


def test_a_vnic_s_group_must_be_of_its_vcn(
    cloud: Cloud, instance: dict[str, str]
) -> None:
    group = cloud.nsg(cloud.vcn("10.9.0.0/16"))
    path = f"/vnics/{cloud.primary(instance)['id']}"

    assert cloud.refused("PUT", path, {"nsgIds": [group["id"]]})[:2] == (
        400,
        "RelatedResourceNotAuthorizedOrNotFound",
    )


def test_a_vnic_that_ends_does_not_change(
    cloud: Cloud, subnet: dict[str, str], instance: dict[str, str]
) -> None:
    vnic = cloud.attach(instance, subnet)
    cloud.delete(attachment_path(cloud, vnic))

    refused = cloud.refused("PUT", f"/vnics/{vnic['id']}", {"displayName": "x"})

    assert refused[1] == "IncorrectState"


def test_no_two_vnics_have_one_mac(
    cloud: Cloud, subnet: dict[str, str], instance: dict[str, str]
) -> None:
    class Loaded:
        """Dice that always fall the same."""

        def randbytes(self, count: int) -> bytes:
            return b"\x07" * count

    cloud.chance = Loaded()
    one, two = cloud.attach(instance, subnet), cloud.attach(instance, subnet)

    assert one["macAddress"] != two["macAddress"]
    assert one["id"] != two["id"]
