"""Instances and shapes: launched, changed, stopped, ended."""

import pytest
from vcn_cloud import Cloud

from mooring.core.vcn import shapes
from mooring.core.vcn.calls import launch
from mooring.core.vcn.model import Instance, Vnic, VnicAttachment
from mooring.core.vcn.model.compute import KEPT


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


@pytest.fixture
def subnet(cloud: Cloud) -> dict[str, str]:
    return cloud.subnet(cloud.vcn(dnsLabel="net"), dnsLabel="sub")


def state(cloud: Cloud, instance: dict[str, str]) -> str:
    return cloud.get(f"/instances/{instance['id']}")["lifecycleState"]


# -- launching


def test_an_instance_runs_after_a_while(cloud: Cloud, subnet: dict[str, str]) -> None:
    instance = cloud.post("/instances", cloud.launch_body(subnet))
    attachment = next(cloud.world.attachments_of(instance["id"]))
    path = f"/vnicAttachments/{attachment.id}"

    assert instance["lifecycleState"] == "PROVISIONING"
    assert cloud.get(path)["lifecycleState"] == "ATTACHING"
    assert cloud.get(path)["vnicId"] is None

    cloud.wait()

    assert state(cloud, instance) == "RUNNING"
    assert cloud.get(path)["lifecycleState"] == "ATTACHED"
    assert cloud.get(path)["vnicId"] == attachment.vnic_id
    moving = (Instance, VnicAttachment, Vnic)
    assert all(r.settles_at is None for kind in moving for r in cloud.world.of(kind))


def test_its_primary_vnic_is_as_said(cloud: Cloud, subnet: dict[str, str]) -> None:
    group = cloud.nsg({"id": subnet["vcnId"]})
    instance = cloud.instance(
        subnet,
        createVnicDetails={
            "subnetId": subnet["id"],
            "displayName": "nic",
            "privateIp": "10.0.1.77",
            "hostnameLabel": "Host",
            "nsgIds": [group["id"]],
            "skipSourceDestCheck": True,
        },
    )
    vnic = cloud.primary(instance)
    ip = cloud.get("/privateIps", vnicId=vnic["id"])[0]

    assert (vnic["displayName"], vnic["privateIp"]) == ("nic", "10.0.1.77")
    assert (vnic["isPrimary"], vnic["skipSourceDestCheck"]) == (True, True)
    assert vnic["nsgIds"] == [group["id"]]
    assert vnic["macAddress"].startswith("02:00:")
    assert (vnic["hostnameLabel"], ip["hostnameLabel"]) == ("Host", "Host")
    assert (ip["isPrimary"], ip["availabilityDomain"]) == (True, cloud.domain)


def test_the_older_names_of_subnet_and_host_do(
    cloud: Cloud, subnet: dict[str, str]
) -> None:
    body = cloud.launch_body(subnet, subnetId=subnet["id"], hostnameLabel="old")
    del body["createVnicDetails"]
    cloud.post("/instances", body)

    vnic = next(cloud.world.vnics_of_subnet(subnet["id"]))

    assert vnic.hostname_label == "old"


def test_the_newer_names_win(cloud: Cloud, subnet: dict[str, str]) -> None:
    cloud.post("/instances", cloud.launch_body(subnet, subnetId="nowhere"))


def test_an_instance_shows_what_it_was_given(
    cloud: Cloud, subnet: dict[str, str]
) -> None:
    instance = cloud.instance(
        subnet,
        displayName="node",
        metadata={"user_data": "x"},
        extendedMetadata={"a": {"b": [1]}},
        faultDomain="FAULT-DOMAIN-2",
        imageId="ocid1.image.oc1..a",
        shapeConfig={"ocpus": 2, "memoryInGBs": 8},
    )

    assert instance["displayName"] == "node"
    assert instance["metadata"] == {"user_data": "x"}
    assert instance["extendedMetadata"] == {"a": {"b": [1]}}
    assert instance["faultDomain"] == "FAULT-DOMAIN-2"
    assert instance["sourceDetails"]["imageId"] == "ocid1.image.oc1..a"
    assert instance["region"] == cloud.world.settings.region
    assert instance["shapeConfig"] == {
        "ocpus": 2.0,
        "vcpus": 4,
        "memoryInGBs": 8.0,
        "maxVnicAttachments": 2,
    }


@pytest.mark.parametrize(
    ("more", "code", "words"),
    [
        ({"shape": "VM.Big"}, "InvalidParameter", 'shape "VM.Big" is not known'),
        ({"shapeConfig": None}, "MissingParameter", "shapeConfig.ocpus"),
        ({"shapeConfig": {}}, "MissingParameter", "shapeConfig.ocpus"),
        ({"shapeConfig": {"ocpus": 65}}, "InvalidParameter", "from 1 to 64"),
        ({"availabilityDomain": "moon"}, "InvalidParameter", "availabilityDomain"),
        ({"faultDomain": "moon"}, "InvalidParameter", "faultDomain"),
        ({"createVnicDetails": {}}, "MissingParameter", "createVnicDetails.subnetId"),
        ({"metadata": {"a": 1}}, "InvalidParameter", "metadata.a"),
    ],
)
def test_an_instance_that_cannot_be_is_refused(
    cloud: Cloud,
    subnet: dict[str, str],
    more: dict[str, object],
    code: str,
    words: str,
) -> None:
    body = {**cloud.launch_body(subnet), **more}

    status, got, message = cloud.refused("POST", "/instances", body)

    assert (status, got) == (400, code)
    assert words in message


@pytest.mark.parametrize(
    ("details", "code", "words"),
    [
        ({"privateIp": "10.9.9.9"}, 400, "createVnicDetails.privateIp"),
        ({"privateIp": "10.0.1.1"}, 400, "reserved address"),
        ({"subnetCidr": "10.0.2.0/24"}, 400, "createVnicDetails.subnetCidr"),
        ({"nsgIds": ["x"]}, 400, 'nsgIds[0] "x"'),
        ({"assignPublicIp": True}, 400, "Public IP addresses are prohibited"),
        ({"assignIpv6Ip": True}, 400, "createVnicDetails.assignIpv6Ip"),
        ({"subnetId": "nowhere"}, 404, "nowhere"),
    ],
)
def test_a_primary_vnic_that_cannot_be_is_refused(
    cloud: Cloud,
    subnet: dict[str, str],
    details: dict[str, object],
    code: int,
    words: str,
) -> None:
    body = cloud.launch_body(
        subnet, createVnicDetails={"subnetId": subnet["id"], **details}
    )
    status, _, message = cloud.refused("POST", "/instances", body)

    assert status == code
    assert words in message


def test_a_subnet_of_one_domain_takes_instances_of_it(cloud: Cloud) -> None:
    here, there = cloud.world.settings.availability_domains
    subnet = cloud.subnet(cloud.vcn(), availabilityDomain=here)
    body = cloud.launch_body(subnet, availabilityDomain=there)

    assert cloud.refused("POST", "/instances", body)[1] == "InvalidParameter"

    cloud.post("/instances", cloud.launch_body(subnet))


@pytest.mark.parametrize(
    ("prohibited", "wish", "has"),
    [
        (False, None, True),
        (False, False, False),
        (False, True, True),
        (True, None, False),
    ],
)
def test_a_public_address_comes_as_subnet_and_wish_say(
    cloud: Cloud, prohibited: bool, wish: bool | None, has: bool
) -> None:
    subnet = cloud.subnet(cloud.vcn(), prohibitPublicIpOnVnic=prohibited)
    details = {"subnetId": subnet["id"], "assignPublicIp": wish}
    instance = cloud.instance(subnet, createVnicDetails=details)

    assert (cloud.primary(instance)["publicIp"] is not None) is has


# -- changing


def test_metadata_of_both_kinds_has_room_together(
    cloud: Cloud, subnet: dict[str, str]
) -> None:
    half = {"a": "x" * 16_000}
    body = cloud.launch_body(subnet, metadata=half, extendedMetadata=half)
    path = f"/instances/{cloud.instance(subnet, metadata=half)['id']}"

    code, message = cloud.refused("POST", "/instances", body)[1:]
    assert code == "InvalidParameter"
    assert message.endswith("must not exceed 32000 bytes; they have 32016.")
    assert cloud.refused("PUT", path, {"extendedMetadata": half})[0] == 400
    cloud.put(path, {"extendedMetadata": half, "metadata": {}})


def test_what_nobody_plays_is_kept_and_shown(
    cloud: Cloud, subnet: dict[str, str]
) -> None:
    instance = cloud.instance(
        subnet,
        agentConfig={
            "isMonitoringDisabled": True,
            "pluginsConfig": [{"name": "Bastion", "desiredState": "ENABLED"}],
        },
        instanceOptions={"areLegacyImdsEndpointsDisabled": True},
        sourceDetails={"sourceType": "image", "imageId": "i", "kmsKeyId": "k"},
    )
    path = f"/instances/{instance['id']}"
    changed = cloud.put(
        path, {"availabilityConfig": {"recoveryAction": "STOP_INSTANCE"}}
    )

    assert set(KEPT) == set(launch.KEPT)
    assert instance["agentConfig"]["pluginsConfig"][0]["name"] == "Bastion"
    assert changed["agentConfig"] == instance["agentConfig"]
    assert changed["instanceOptions"] == {"areLegacyImdsEndpointsDisabled": True}
    assert changed["availabilityConfig"] == {"recoveryAction": "STOP_INSTANCE"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("preemptibleInstanceConfig", {"a": 1}),
        ("securityAttributes", {"zpr": {"a": 1}}),
    ],
)
def test_what_is_not_there_is_told_by_the_field_s_name(
    cloud: Cloud, subnet: dict[str, str], field: str, value: object
) -> None:
    body = cloud.launch_body(subnet, **{field: value})
    answer = cloud.refused("POST", "/instances", body)

    assert answer == (
        501,
        "MethodNotImplemented",
        f"The local VCN does not have {field}.",
    )


def test_an_instance_changes(cloud: Cloud, subnet: dict[str, str]) -> None:
    path = f"/instances/{cloud.instance(subnet, metadata={'a': 'b'})['id']}"

    assert cloud.put(path, {"displayName": "x"})["metadata"] == {"a": "b"}
    assert cloud.put(path, {"metadata": {}})["metadata"] == {}


@pytest.mark.parametrize(
    ("actions", "states"),
    [
        (["STOP", "START"], ["STOPPING", "STOPPED", "STARTING", "RUNNING"]),
        (["softstop"], ["STOPPING", "STOPPED"]),
        (["RESET"], ["STARTING", "RUNNING"]),
        (["SOFTRESET"], ["STARTING", "RUNNING"]),
        (["SENDDIAGNOSTICINTERRUPT"], ["STARTING", "RUNNING"]),
        (["DIAGNOSTICREBOOT"], ["STARTING", "RUNNING"]),
        (["REBOOTMIGRATE"], ["MOVING", "RUNNING"]),
    ],
)
def test_an_instance_is_stopped_and_started(
    cloud: Cloud, subnet: dict[str, str], actions: list[str], states: list[str]
) -> None:
    instance = cloud.instance(subnet)
    seen = []
    for action in actions:
        shown = cloud.post(f"/instances/{instance['id']}", query={"action": action})
        seen.append(shown["lifecycleState"])
        cloud.wait()
        seen.append(state(cloud, instance))

    assert seen == states


def test_an_action_must_fit(cloud: Cloud, subnet: dict[str, str]) -> None:
    path = f"/instances/{cloud.instance(subnet)['id']}"

    assert cloud.refused("POST", path)[1] == "MissingParameter"
    assert cloud.refused("POST", path, query={"action": "X"})[1] == "InvalidParameter"
    status, code, message = cloud.refused("POST", path, query={"action": "START"})
    assert (status, code) == (409, "IncorrectState")
    assert message.endswith("is in state RUNNING; it must be STOPPED.")


# -- ending


def test_an_instance_ends_with_all_that_it_has(
    cloud: Cloud, subnet: dict[str, str]
) -> None:
    instance = cloud.instance(subnet)
    vnic = cloud.attach(instance, subnet)
    ip = cloud.ip(vnic)
    kept = cloud.ip(vnic, lifetime="RESERVED")
    cloud.delete(f"/instances/{instance['id']}")

    assert state(cloud, instance) == "TERMINATING"
    assert cloud.get(f"/vnics/{vnic['id']}")["lifecycleState"] == "TERMINATING"
    assert cloud.get(f"/privateIps/{ip['id']}")["ipState"] == "ASSIGNED"

    cloud.wait()

    assert state(cloud, instance) == "TERMINATED"
    assert {a.lifecycle_state for a in cloud.world.attachments_of(instance["id"])} == {
        "DETACHED"
    }
    assert cloud.refused("GET", f"/vnics/{vnic['id']}")[0] == 404
    assert cloud.refused("GET", f"/privateIps/{ip['id']}")[0] == 404
    assert cloud.get(f"/privateIps/{kept['id']}")["ipState"] == "AVAILABLE"


def test_what_has_ended_is_shown_for_a_while(
    cloud: Cloud, subnet: dict[str, str]
) -> None:
    instance = cloud.instance(subnet)
    cloud.delete(f"/instances/{instance['id']}")
    cloud.wait()

    assert (
        cloud.refused("DELETE", f"/instances/{instance['id']}")[1] == "IncorrectState"
    )
    assert cloud.refused("PUT", f"/instances/{instance['id']}", {})[0] == 409

    cloud.wait(3600)

    assert cloud.refused("GET", f"/instances/{instance['id']}")[0] == 404
    assert not list(cloud.world.attachments_of(instance["id"]))
    assert cloud.world.due() is None


def test_an_instance_that_is_just_coming_can_end(
    cloud: Cloud, subnet: dict[str, str]
) -> None:
    instance = cloud.post("/instances", cloud.launch_body(subnet))
    cloud.delete(f"/instances/{instance['id']}")
    cloud.wait()

    assert state(cloud, instance) == "TERMINATED"
    assert not list(cloud.world.private_ips_in(subnet["id"]))


def test_a_detached_vnic_does_not_hinder_the_end(
    cloud: Cloud, subnet: dict[str, str]
) -> None:
    instance = cloud.instance(subnet)
    vnic = cloud.attach(instance, subnet)
    attachment = cloud.world.attachment_of_vnic(vnic["id"])
    assert attachment is not None
    cloud.delete(f"/vnicAttachments/{attachment.id}")
    cloud.wait()
    cloud.delete(f"/instances/{instance['id']}")
    cloud.wait()

    assert state(cloud, instance) == "TERMINATED"


# -- shapes


@pytest.mark.parametrize(
    ("name", "ocpus", "vnics"),
    [
        ("VM.Standard.E4.Flex", 1, 2),
        ("VM.Standard.E4.Flex", 2, 2),
        ("VM.Standard.E4.Flex", 3.5, 3),
        ("VM.Standard.E5.Flex", 24, 24),
        ("VM.Standard.E5.Flex", 64, 24),
        ("VM.Optimized3.Flex", 1, 2),
        ("VM.Optimized3.Flex", 5, 10),
        ("VM.Optimized3.Flex", 18, 24),
        ("VM.DenseIO.E4.Flex", 8, 8),
        ("VM.DenseIO.E4.Flex", 16, 16),
        ("VM.DenseIO.E4.Flex", 32, 24),
        ("VM.Standard2.1", 1, 2),
        ("VM.Standard2.8", 8, 8),
        ("VM.Standard2.24", 24, 24),
        ("VM.Standard.E2.1.Micro", 1, 1),
        ("BM.Standard2.52", 52, 200),
        ("BM.GPU.H100.8", 112, 256),
    ],
)
def test_a_shape_carries_so_many_vnics(name: str, ocpus: float, vnics: int) -> None:
    shape = shapes.find(name)

    assert shape is not None
    assert shape.max_vnics(ocpus) == vnics


def test_a_fixed_shape_needs_no_size(cloud: Cloud, subnet: dict[str, str]) -> None:
    instance = cloud.instance(subnet, shape="VM.Standard2.4", shapeConfig=None)

    assert instance["shapeConfig"]["ocpus"] == 4
    assert instance["shapeConfig"]["maxVnicAttachments"] == 4
