"""Instances, their VNICs and addresses; bulk actions and their work requests; inventory and topologies."""

import time
from dataclasses import dataclass

from journeys.local_vcn import SHAPE, eventually
from journeys.vcn_stories.scene import DOMAIN, Scene
from oci.core import models as m
from oci.response import Response


@dataclass
class Host:
    """An instance with its primary VNIC and the subnet of both."""

    scene: Scene
    vcn: m.Vcn
    subnet: m.Subnet
    instance: m.Instance
    vnic: m.Vnic


def tell(scene: Scene) -> None:
    host = a_host(scene)
    inventory(host)
    secondary(host)
    private_ips(host)
    ipv6s(host)
    bulk_private_ips(host)
    bulk_ipv6s(host)
    public_ips(host)
    work_requests(host)
    instances(host)
    service_limits(scene)


def a_host(scene: Scene) -> Host:
    network, compute = scene.network, scene.compute
    vcn = scene.vcn("10.30.0.0/16", is_ipv6_enabled=True)
    prefix = vcn.ipv6_cidr_blocks[0].replace("/56", "/64")
    subnet = scene.subnet(vcn, "10.30.0.0/20", ipv6_cidr_block=prefix)
    (shape,) = compute.list_shapes(scene.home, shape=SHAPE).data
    image = compute.list_images(
        scene.home, operating_system="Oracle Linux", shape=shape.shape
    ).data[0]
    assert compute.get_image(image.id).data.display_name == image.display_name
    launched = compute.launch_instance(
        m.LaunchInstanceDetails(
            compartment_id=scene.home,
            availability_domain=DOMAIN,
            shape=shape.shape,
            shape_config=m.LaunchInstanceShapeConfigDetails(ocpus=2),
            source_details=m.InstanceSourceViaImageDetails(image_id=image.id),
            create_vnic_details=m.CreateVnicDetails(
                subnet_id=subnet.id, assign_public_ip=False
            ),
        )
    ).data
    eventually(lambda: compute.get_instance(launched.id), "RUNNING")
    (first,) = compute.list_vnic_attachments(scene.home, instance_id=launched.id).data
    return Host(scene, vcn, subnet, launched, network.get_vnic(first.vnic_id).data)


def secondary(host: Host) -> None:
    network, compute = host.scene.network, host.scene.compute
    attachment = compute.attach_vnic(
        m.AttachVnicDetails(
            instance_id=host.instance.id,
            create_vnic_details=m.CreateVnicDetails(subnet_id=host.subnet.id),
        )
    ).data
    get = compute.get_vnic_attachment
    vnic = eventually(lambda: get(attachment.id), "ATTACHED").data.vnic_id
    network.update_vnic(vnic, m.UpdateVnicDetails(skip_source_dest_check=True))
    assert network.get_vnic(vnic).data.skip_source_dest_check
    compute.detach_vnic(attachment.id)
    eventually(lambda: get(attachment.id), "DETACHED")


def private_ips(host: Host) -> None:
    network = host.scene.network
    ip = network.create_private_ip(m.CreatePrivateIpDetails(vnic_id=host.vnic.id)).data
    network.update_private_ip(ip.id, m.UpdatePrivateIpDetails(display_name="berth"))
    assert network.get_private_ip(ip.id).data.display_name == "berth"
    listed = network.list_private_ips(vnic_id=host.vnic.id).data
    assert [one.id for one in listed if not one.is_primary] == [ip.id]
    network.private_ip_vnic_detach(ip.id)
    assert network.get_private_ip(ip.id).data.vnic_id is None
    network.delete_private_ip(ip.id)


def ipv6s(host: Host) -> None:
    network = host.scene.network
    six = network.create_ipv6(m.CreateIpv6Details(vnic_id=host.vnic.id)).data
    network.update_ipv6(six.id, m.UpdateIpv6Details(display_name="berth"))
    assert network.get_ipv6(six.id).data.display_name == "berth"
    listed = network.list_ipv6s(vnic_id=host.vnic.id).data
    assert [one.id for one in listed] == [six.id]
    network.ipv6_vnic_detach(six.id)
    assert network.get_ipv6(six.id).data.vnic_id is None
    network.delete_ipv6(six.id)


def done(host: Host, answer: Response) -> str:
    """Wait for the work that an answer names; give the work request's id."""
    work = host.scene.work
    id: str = answer.headers["opc-work-request-id"]
    deadline = time.monotonic() + 300
    while (ended := work.get_work_request(id).data).time_finished is None:
        assert time.monotonic() < deadline, ended
        time.sleep(0.01)
    assert ended.status == "SUCCEEDED"
    return id


def bulk_private_ips(host: Host) -> None:
    network, vnic = host.scene.network, host.vnic.id
    create = m.BulkCreatePrivateIpsDetails(
        vnic_id=vnic,
        bulk_create_private_ip_item=[m.BulkCreatePrivateIpItem() for _ in range(3)],
    )
    done(host, network.bulk_create_private_ips(create))
    listed = network.list_private_ips(vnic_id=vnic).data
    ids = [one.id for one in listed if not one.is_primary]
    assert len(ids) == 3
    detach = m.BulkDetachPrivateIpsDetails(
        vnic_id=vnic,
        bulk_detach_private_ip_item=[
            m.BulkDetachPrivateIpItem(private_ip_id=id) for id in ids
        ],
    )
    done(host, network.bulk_detach_private_ips(detach))
    update = m.BulkUpdatePrivateIpsDetails(
        vnic_id=vnic,
        bulk_update_private_ip_item=[
            m.BulkUpdatePrivateIpItem(private_ip_id=id) for id in ids
        ],
    )
    done(host, network.bulk_update_private_ips(update))
    delete = m.BulkDeletePrivateIpsDetails(
        vnic_id=vnic,
        bulk_delete_private_ip_item=[
            m.BulkDeletePrivateIpItem(private_ip_id=id) for id in ids
        ],
    )
    done(host, network.bulk_delete_private_ips(delete))
    assert len(network.list_private_ips(vnic_id=vnic).data) == 1


def bulk_ipv6s(host: Host) -> None:
    network, vnic = host.scene.network, host.vnic.id
    create = m.BulkCreateIpv6sDetails(
        vnic_id=vnic,
        bulk_create_ipv6s_item=[m.BulkCreateIpv6sItem() for _ in range(2)],
    )
    done(host, network.bulk_create_ipv6s(create))
    ids = [one.id for one in network.list_ipv6s(vnic_id=vnic).data]
    assert len(ids) == 2
    detach = m.BulkDetachIpv6sDetails(
        vnic_id=vnic,
        bulk_detach_ipv6s_item=[m.BulkDetachIpv6sItem(ipv6_id=id) for id in ids],
    )
    done(host, network.bulk_detach_ipv6s(detach))
    update = m.BulkUpdateIpv6sDetails(
        vnic_id=vnic,
        bulk_update_ipv6s_item=[m.BulkUpdateIpv6sItem(ipv6_id=id) for id in ids],
    )
    done(host, network.bulk_update_ipv6s(update))
    delete = m.BulkDeleteIpv6sDetails(
        vnic_id=vnic,
        bulk_delete_ipv6s_item=[m.BulkDeleteIpv6sItem(ipv6_id=id) for id in ids],
    )
    done(host, network.bulk_delete_ipv6s(delete))
    assert network.list_ipv6s(vnic_id=vnic).data == []


def public_ips(host: Host) -> None:
    scene, network = host.scene, host.scene.network
    (primary,) = network.list_private_ips(vnic_id=host.vnic.id).data
    public = network.create_public_ip(
        m.CreatePublicIpDetails(compartment_id=scene.home, lifetime="RESERVED")
    ).data
    eventually(lambda: network.get_public_ip(public.id), "AVAILABLE")
    network.update_public_ip(
        public.id, m.UpdatePublicIpDetails(private_ip_id=primary.id)
    )
    eventually(lambda: network.get_public_ip(public.id), "ASSIGNED")
    by_private = m.GetPublicIpByPrivateIpIdDetails(private_ip_id=primary.id)
    by_address = m.GetPublicIpByIpAddressDetails(ip_address=public.ip_address)
    assert network.get_public_ip_by_private_ip_id(by_private).data.id == public.id
    assert network.get_public_ip_by_ip_address(by_address).data.id == public.id
    listed = network.list_public_ips("REGION", scene.home, lifetime="RESERVED").data
    assert [one.id for one in listed] == [public.id]
    network.change_public_ip_compartment(
        public.id, m.ChangePublicIpCompartmentDetails(compartment_id=scene.elsewhere)
    )
    network.delete_public_ip(public.id)


def work_requests(host: Host) -> None:
    scene, work = host.scene, host.scene.work
    there = m.ChangeInstanceCompartmentDetails(compartment_id=scene.elsewhere)
    id = done(host, scene.compute.change_instance_compartment(host.instance.id, there))
    listed = work.list_work_requests(scene.elsewhere, resource_id=host.instance.id)
    assert [one.id for one in listed.data] == [id]
    assert work.list_work_request_errors(id).data == []
    assert work.list_work_request_logs(id).data != []


def inventory(host: Host) -> None:
    home, network = host.scene.home, host.scene.network
    where = {"region_list": ["local-1"], "compartment_list": [home]}
    listed = network.list_ip_inventory(m.ListIpInventoryDetails(**where)).data
    assert [one.vcn_id for one in listed.inventory_vcn_collection] == [host.vcn.id]
    used = network.get_subnet_ip_inventory(host.subnet.id).data
    known = [one.ip_address for one in used.ip_inventory_subnet_resource_summary]
    assert host.vnic.private_ip in known
    parts = network.get_subnet_cidr_utilization(host.subnet.id).data
    assert parts.ip_inventory_cidr_utilization_summary[0].utilization > 0
    overlaps = m.GetIpInventoryVcnOverlapDetails(**where)
    assert network.get_vcn_overlap(host.vcn.id, overlaps).data.overlap_count == 0
    one = network.get_resource_ip_inventory(host.vcn.id).data
    assert one.inventory_vcn_collection[0].vcn_id == host.vcn.id
    region = network.get_networking_topology(home).data
    assert host.vcn.id in [entity["id"] for entity in region.entities]
    inner = network.get_vcn_topology(home, host.vcn.id).data
    assert host.subnet.id in [entity["id"] for entity in inner.entities]
    assert network.get_subnet_topology(home, host.subnet.id).data.type == "SUBNET"


def instances(host: Host) -> None:
    scene, id = host.scene, host.instance.id
    compute = scene.compute
    compute.update_instance(id, m.UpdateInstanceDetails(display_name="ship"))
    compute.instance_action(id, "STOP")
    eventually(lambda: compute.get_instance(id), "STOPPED")
    (listed,) = compute.list_instances(scene.elsewhere).data
    assert (listed.id, listed.display_name) == (id, "ship")
    compute.terminate_instance(id)
    eventually(lambda: compute.get_instance(id), "TERMINATED")


def service_limits(scene: Scene) -> None:
    limits, home = scene.limits, scene.home
    services = [one.name for one in limits.list_services(home).data]
    assert {"compute", "vcn"} <= set(services)
    known = limits.list_limit_definitions(home, service_name="vcn").data
    (row,) = [one for one in known if one.name == "vcn-count"]
    assert (row.scope_type, row.is_resource_availability_supported) == ("REGION", True)
    (value,) = limits.list_limit_values(home, "vcn", name="vcn-count").data
    left = limits.get_resource_availability("vcn", "vcn-count", home).data
    assert left.used == len(scene.network.list_vcns(home).data)
    assert left.used + left.available <= value.value
