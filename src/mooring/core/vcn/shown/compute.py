"""Instances, attachments and VNICs as they are shown."""

from mooring.core.vcn import shapes
from mooring.core.vcn.model import Instance, Vnic, VnicAttachment
from mooring.core.vcn.shown.forms import Json, More
from mooring.core.vcn.world import World


def _instance(instance: Instance, _: World) -> Json:
    shape = shapes.find(instance.shape)
    threads = 2 if shape is None else shape.vcpus_per_ocpu
    return {
        **instance.more,
        "launchMode": "PARAVIRTUALIZED",
        "shapeConfig": {
            "ocpus": instance.ocpus,
            "vcpus": int(instance.ocpus * threads),
            "memoryInGBs": instance.memory_in_gbs,
            "maxVnicAttachments": instance.max_vnic_attachments,
        },
        "sourceDetails": instance.image_id
        and {"sourceType": "image", "imageId": instance.image_id},
    }


def _attachment(attachment: VnicAttachment, _: World) -> Json:
    is_there = attachment.lifecycle_state != "ATTACHING"
    return {"vnicId": attachment.vnic_id if is_there else None}


def _vnic(vnic: Vnic, world: World) -> Json:
    ips = world.private_ips_of(vnic.id)
    return {
        "privateIp": str(ips[0].ip_address) if ips else None,
        "ipv6Addresses": [str(ip.ip_address) for ip in world.ipv6s_of(vnic.id)],
    }


MORE: More = {
    Instance: _instance,
    VnicAttachment: _attachment,
    Vnic: _vnic,
}
