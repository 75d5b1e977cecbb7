"""Platform images."""

from mooring.core.vcn.acts import images
from mooring.core.vcn.api.fields import SORTED
from mooring.core.vcn.api.operation import Operation, Route
from mooring.core.vcn.api.schema import Field, Fields, text

LIST_IMAGES: Fields = {
    **SORTED,
    "operatingSystem": Field(text()),
    "operatingSystemVersion": Field(text()),
    "shape": Field(text()),
}

ROUTES: dict[Route, Operation] = {
    ("GET", "/images"): Operation(
        name="ListImages", query=LIST_IMAGES, act=images.list_all
    ),
    ("GET", "/images/{id}"): Operation(name="GetImage", act=images.get),
}
