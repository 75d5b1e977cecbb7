"""Platform images: listed and shown, no more."""

from mooring.core.vcn.acts.paging import in_order, paged
from mooring.core.vcn.api.errors import not_found
from mooring.core.vcn.api.turns import Answer, Call
from mooring.core.vcn.images import Image, images
from mooring.core.vcn.shown.forms import Json

_AVAILABLE = "AVAILABLE"
_SIZE = 50  # GB, of a boot volume


def list_all(call: Call) -> Answer:
    """List the images that fit what is asked for, the latest first unless another order is wished."""
    by_name = call.query.get("sortBy", str) == "DISPLAYNAME"
    order = call.query.get("sortOrder", str) or ("ASC" if by_name else "DESC")
    found = [one for one in images(call.world.settings.region) if _fits(call, one)]
    if by_name:
        found.sort(key=lambda one: one.display_name)
    return paged(
        call, in_order([_shown(one) for one in found[:: -1 if order == "DESC" else 1]])
    )


def _fits(call: Call, image: Image) -> bool:
    wanted = call.query.get("shape", str)
    known = {
        "displayName": image.display_name,
        "operatingSystem": image.system,
        "operatingSystemVersion": image.version,
        "lifecycleState": _AVAILABLE,
    }
    asked = all(
        call.query.get(name, str) in (None, value) for name, value in known.items()
    )
    return asked and (wanted is None or image.fits(wanted))


def get(call: Call) -> Answer:
    """Show the image of the id in the path."""
    id = call.request.path.strip("/").split("/")[2]
    for image in images(call.world.settings.region):
        if image.id == id:
            return Answer(draft=call.draft, shown=_shown(image))
    raise not_found(id)


def _shown(image: Image) -> Json:
    return {
        "id": image.id,
        "compartmentId": None,  # nobody's: they come with the platform
        "displayName": image.display_name,
        "operatingSystem": image.system,
        "operatingSystemVersion": image.version,
        "lifecycleState": _AVAILABLE,
        "createImageAllowed": True,
        "launchMode": "PARAVIRTUALIZED",
        "sizeInMBs": _SIZE * 1024,
        "billableSizeInGBs": _SIZE,
        "timeCreated": image.time_created,
        "freeformTags": {},
        "definedTags": {},
    }
