"""Public addresses as they are shown."""

from mooring.core.vcn.model.publicip import PublicIp
from mooring.core.vcn.shown.forms import Json, More
from mooring.core.vcn.world import World


def _public_ip(ip: PublicIp, _: World) -> Json:
    is_private = ip.assigned_entity_type == "PRIVATE_IP"
    return {
        "privateIpId": ip.assigned_entity_id if is_private else None,
        "publicIpPoolId": None,
    }


MORE: More = {
    PublicIp: _public_ip,
}
