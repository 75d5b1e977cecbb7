"""How large instances are: at launch, when they change, and what shapes tell of it."""

from typing import Any

import pytest
from vcn_cloud import Cloud

from mooring.core.vcn import shapes

Json = dict[str, Any]
INVALID = (400, "InvalidParameter")
INCORRECT = (409, "IncorrectState")


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


@pytest.fixture
def subnet(cloud: Cloud) -> Json:
    return cloud.subnet(cloud.vcn())


@pytest.fixture
def instance(cloud: Cloud, subnet: Json) -> Json:
    return cloud.instance(subnet)


def path(instance: Json) -> str:
    return f"/instances/{instance['id']}"


def resize(cloud: Cloud, instance: Json, **body: object) -> Json:
    """Change an instance, wait, and give its configuration."""
    cloud.put(path(instance), body)
    cloud.wait()
    shown = cloud.get(path(instance))
    return {"shape": shown["shape"], **shown["shapeConfig"]}


def work(cloud: Cloud, method: str, where: str, body: Json | None = None) -> Json:
    """Make a call and give its work request once it is over."""
    reply = cloud.send(method, where, body).reply
    cloud.wait()
    return cloud.get(f"/workRequests/{reply.headers['opc-work-request-id']}")


# -- at launch


@pytest.mark.parametrize(
    ("shape", "config", "size"),
    [
        ("VM.Standard.E4.Flex", {"vcpus": 8}, (4, 8, 64)),
        ("VM.Standard.A1.Flex", {"vcpus": 8}, (8, 8, 48)),
        ("VM.Standard.A1.Flex", {"ocpus": 8}, (8, 8, 48)),
        ("VM.Standard2.4", {"ocpus": 4}, (4, 8, 60)),
        ("VM.DenseIO.E5.Flex", {"ocpus": 24}, (24, 48, 288)),
        ("VM.Standard.E4.Flex", {"ocpus": 2, "memoryInGBs": 128}, (2, 4, 128)),
    ],
)
def test_ocpus_may_be_said_in_either_way(
    cloud: Cloud, subnet: Json, shape: str, config: Json, size: tuple[float, ...]
) -> None:
    shown = cloud.instance(subnet, shape=shape, shapeConfig=config)["shapeConfig"]

    assert (shown["ocpus"], shown["vcpus"], shown["memoryInGBs"]) == size


@pytest.mark.parametrize(
    ("shape", "config", "words"),
    [
        ("VM.Standard.E4.Flex", {"ocpus": 2, "vcpus": 4}, "shapeConfig.vcpus 4 must"),
        ("VM.Standard.E4.Flex", {"vcpus": 1}, "shapeConfig.vcpus 0.5 must be from 1"),
        ("VM.DenseIO.E4.Flex", {"ocpus": 12}, "must be one of 8, 16, 32"),
        ("VM.Standard2.4", {"ocpus": 8}, "shapeConfig.ocpus 8.0 must be 4"),
        (
            "VM.Standard.E4.Flex",
            {"ocpus": 2, "memoryInGBs": 129},
            "shapeConfig.memoryInGBs 129.0 must be from 2 to 128",
        ),
    ],
)
def test_a_size_that_there_is_not(
    cloud: Cloud, subnet: Json, shape: str, config: Json, words: str
) -> None:
    body = cloud.launch_body(subnet, shape=shape, shapeConfig=config)

    answer = cloud.refused("POST", "/instances", body)

    assert answer[:2] == INVALID
    assert words in answer[2]


def test_a_launch_is_a_work_request(cloud: Cloud, subnet: Json) -> None:
    done = work(cloud, "POST", "/instances", cloud.launch_body(subnet))

    assert (done["operationType"], done["status"]) == ("LaunchInstance", "SUCCEEDED")
    resource = done["resources"][0]
    assert (resource["actionType"], resource["entityType"]) == ("CREATED", "instance")
    assert cloud.get(f"/instances/{resource['identifier']}")


def test_an_end_is_a_work_request(cloud: Cloud, instance: Json) -> None:
    done = work(cloud, "DELETE", path(instance))

    assert done["operationType"] == "TerminateInstance"
    assert done["resources"][0]["actionType"] == "DELETED"


# -- changed


def test_more_ocpus_carry_more_vnics(cloud: Cloud, instance: Json) -> None:
    config = resize(cloud, instance, shapeConfig={"ocpus": 8})

    assert (config["ocpus"], config["maxVnicAttachments"]) == (8, 8)
    assert config["memoryInGBs"] == 128
    assert cloud.get(path(instance))["lifecycleState"] == "RUNNING"


def test_an_instance_that_runs_is_started_anew(cloud: Cloud, instance: Json) -> None:
    shown = cloud.put(path(instance), {"shapeConfig": {"ocpus": 8}})
    assert shown["lifecycleState"] == "STARTING"

    again = cloud.refused("PUT", path(instance), {"shapeConfig": {"ocpus": 4}})
    assert again[:2] == INCORRECT
    cloud.put(path(instance), {"displayName": "named meanwhile"})


def test_one_that_is_stopped_stays_so(cloud: Cloud, instance: Json) -> None:
    cloud.post(path(instance), query={"action": "STOP"})
    cloud.wait()

    body = {"shapeConfig": {"ocpus": 8}, "updateOperationConstraint": "AVOID_DOWNTIME"}
    done = work(cloud, "PUT", path(instance), body)

    assert (done["operationType"], done["status"]) == ("UpdateInstance", "SUCCEEDED")
    assert done["timeFinished"] == done["timeAccepted"]
    assert cloud.get(path(instance))["lifecycleState"] == "STOPPED"
    assert cloud.get(path(instance))["shapeConfig"]["ocpus"] == 8


def test_only_memory_changes(cloud: Cloud, instance: Json) -> None:
    assert resize(cloud, instance, shapeConfig={"memoryInGBs": 8})["memoryInGBs"] == 8
    assert resize(cloud, instance, shapeConfig={"ocpus": 4})["memoryInGBs"] == 8


def test_the_shape_changes(cloud: Cloud, instance: Json) -> None:
    fixed = resize(cloud, instance, shape="VM.Standard2.8")
    assert fixed == {
        "shape": "VM.Standard2.8",
        "ocpus": 8,
        "vcpus": 16,
        "memoryInGBs": 120,
        "maxVnicAttachments": 8,
    }
    body = {"shape": "VM.Optimized3.Flex"}
    assert cloud.refused("PUT", path(instance), body)[1] == "MissingParameter"
    flexible = resize(cloud, instance, **body, shapeConfig={"ocpus": 3})
    assert (flexible["ocpus"], flexible["maxVnicAttachments"]) == (3, 6)


def test_another_fault_domain_is_another_place(cloud: Cloud, instance: Json) -> None:
    shown = cloud.put(path(instance), {"faultDomain": "FAULT-DOMAIN-3"})

    assert shown["faultDomain"] == "FAULT-DOMAIN-3"
    assert shown["lifecycleState"] == "STARTING"


def test_what_is_as_it_was_needs_no_reboot(cloud: Cloud, instance: Json) -> None:
    body = {
        "shape": instance["shape"],
        "shapeConfig": {"ocpus": 4, "memoryInGBs": 64},
        "faultDomain": instance["faultDomain"],
    }
    reply = cloud.send("PUT", path(instance), body).reply

    assert "opc-work-request-id" not in reply.headers
    assert cloud.get(path(instance))["lifecycleState"] == "RUNNING"


def test_an_instance_is_not_made_too_small_for_its_vnics(
    cloud: Cloud, subnet: Json, instance: Json
) -> None:
    for _ in range(2):
        cloud.attach(instance, subnet)

    answer = cloud.refused("PUT", path(instance), {"shapeConfig": {"ocpus": 2}})
    assert answer[:2] == (400, "LimitExceeded")
    assert "limit of 2 VNIC attachments" in answer[2]

    last = list(cloud.world.attachments_of(instance["id"]))[-1]
    cloud.delete(f"/vnicAttachments/{last.id}")
    cloud.wait()
    cloud.put(path(instance), {"shapeConfig": {"ocpus": 2}})


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"shape": "VM.Big"}, 'shape "VM.Big" is not known'),
        ({"shape": "VM.Standard.A1.Flex"}, "is nothing that an instance of VM.Sta"),
        ({"shape": "BM.Standard3.64"}, "is nothing that an instance of VM.Standard"),
        ({"faultDomain": "moon"}, 'faultDomain "moon" must be of'),
        ({"updateOperationConstraint": "HOPE"}, "updateOperationConstraint"),
        (
            {
                "shapeConfig": {"ocpus": 2},
                "updateOperationConstraint": "AVOID_DOWNTIME",
            },
            "needs a reboot",
        ),
    ],
)
def test_what_an_instance_cannot_become(
    cloud: Cloud, instance: Json, body: Json, words: str
) -> None:
    answer = cloud.refused("PUT", path(instance), body)

    assert answer[:2] == INVALID
    assert words in answer[2]


def test_bare_metal_stays_as_it_is(cloud: Cloud, subnet: Json) -> None:
    instance = cloud.instance(subnet, shape="BM.Standard3.64", shapeConfig=None)

    assert shapes.SHAPES["BM.Standard3.64"].resizes_to() == ()
    body = {"shape": "VM.Standard2.8"}
    assert cloud.refused("PUT", path(instance), body)[:2] == INVALID
    query = {"action": "DIAGNOSTICREBOOT"}
    assert cloud.refused("POST", path(instance), query=query)[:2] == INVALID


# -- actions with a body


def test_an_action_s_body_says_the_same(cloud: Cloud, instance: Json) -> None:
    query = {"action": "REBOOTMIGRATE"}
    body = {"actionType": "rebootMigrate", "deleteLocalStorage": True}
    wrong = {"actionType": "softreset"}
    later = {**body, "timeScheduled": "2027-01-01T00:00:00Z"}

    assert cloud.refused("POST", path(instance), wrong, query=query)[:2] == INVALID
    assert cloud.refused("POST", path(instance), later, query=query)[0] == 501
    shown = cloud.post(path(instance), body, query=query)
    assert shown["lifecycleState"] == "MOVING"


# -- the list of shapes


def test_shapes_tell_what_may_be_chosen(cloud: Cloud) -> None:
    query = {"compartmentId": cloud.compartment, "availabilityDomain": cloud.domain}
    found = {shape["shape"]: shape for shape in cloud.get("/shapes", **query)}
    flexible, fixed = found["VM.Optimized3.Flex"], found["BM.DenseIO2.52"]

    assert flexible["maxVnicAttachmentOptions"] == {
        "min": 2,
        "max": 24,
        "defaultPerOcpu": 2,
    }
    assert flexible["memoryOptions"]["defaultPerOcpuInGBs"] == 14
    assert "VM.Standard2.8" in flexible["resizeCompatibleShapes"]
    assert "VM.Standard.A1.Flex" not in flexible["resizeCompatibleShapes"]
    assert "VM.Optimized3.Flex" not in flexible["resizeCompatibleShapes"]
    assert (fixed["maxVnicAttachmentOptions"], fixed["networkPorts"]) == (None, 2)
    assert (found["VM.GPU3.4"]["gpus"], found["BM.GPU.GB200.4"]["gpus"]) == (4, 4)
    assert found["VM.DenseIO.E4.Flex"]["maxVnicAttachmentOptions"]["min"] == 8
    assert found["VM.Standard.E2.1.Micro"]["billingType"] == "ALWAYS_FREE"


def test_shapes_of_another_domain_are_refused(cloud: Cloud) -> None:
    query = {"compartmentId": cloud.compartment, "availabilityDomain": "moon"}

    assert cloud.refused("GET", "/shapes", query=query)[:2] == INVALID


# -- network cards


def attach(cloud: Cloud, instance: Json, subnet: Json, card: int) -> Json:
    return {
        "instanceId": instance["id"],
        "nicIndex": card,
        "createVnicDetails": {"subnetId": subnet["id"]},
    }


def test_some_machines_have_two_cards(cloud: Cloud, subnet: Json) -> None:
    instance = cloud.instance(subnet, shape="BM.DenseIO2.52", shapeConfig=None)
    for _ in range(25):
        cloud.post("/vnicAttachments", attach(cloud, instance, subnet, 0))

    full = cloud.refused("POST", "/vnicAttachments", attach(cloud, instance, subnet, 0))
    other = cloud.post("/vnicAttachments", attach(cloud, instance, subnet, 1))

    assert full[:2] == (400, "LimitExceeded")
    assert "limit of 26" in full[2]
    assert other["nicIndex"] == 1


def test_others_have_one(cloud: Cloud, subnet: Json, instance: Json) -> None:
    body = attach(cloud, instance, subnet, 1)

    answer = cloud.refused("POST", "/vnicAttachments", body)

    assert answer[:2] == INVALID
    assert "nicIndex 1 must be below 1 for VM.Standard.E4.Flex" in answer[2]
