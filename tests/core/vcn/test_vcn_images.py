"""Platform images: what scripts look for before they launch."""

from typing import Any

import oci.core.models as sdk
from vcn_cloud import Cloud

Json = Any


def listed(cloud: Cloud, **query: str) -> list[Json]:
    found: list[Json] = cloud.get("/images", compartmentId=cloud.compartment, **query)
    return found


def test_images_are_found_by_system_version_and_shape() -> None:
    cloud = Cloud()
    (image,) = listed(
        cloud,
        operatingSystem="Canonical Ubuntu",
        operatingSystemVersion="24.04",
        shape="VM.Standard.E4.Flex",
    )

    assert image["displayName"] == "Canonical-Ubuntu-24.04-2026.04.15-0"
    assert image == cloud.get(f"/images/{image['id']}")
    assert set(image) <= set(sdk.Image().attribute_map.values())
    assert listed(cloud, operatingSystem="Plan 9") == []
    assert listed(cloud, lifecycleState="DELETED") == []


def test_arm_shapes_have_images_of_their_own() -> None:
    arm = listed(Cloud(), shape="VM.Standard.A1.Flex")

    assert arm != []
    assert all("aarch64" in image["displayName"] for image in arm)


def test_the_latest_comes_first_unless_another_order_is_wished() -> None:
    cloud = Cloud()
    times = [image["timeCreated"] for image in listed(cloud)]
    upwards = [image["timeCreated"] for image in listed(cloud, sortOrder="ASC")]
    names = [image["displayName"] for image in listed(cloud, sortBy="DISPLAYNAME")]

    assert times == sorted(times, reverse=True)
    assert upwards == sorted(times)
    assert names == sorted(names)


def test_an_image_that_is_not_there_is_not_found() -> None:
    answer = Cloud().refused("GET", "/images/ocid1.image.oc1..nowhere")

    assert answer[:2] == (404, "NotAuthorizedOrNotFound")
