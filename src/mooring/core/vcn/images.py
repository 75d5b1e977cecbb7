"""The platform images that there are to choose from; an instance here starts without any.

Scripts look for one by operating system, version and shape before they launch.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

ARM = "-aarch64"
_OF_ARM = re.compile(r"\.A\d\.")  # VM.Standard.A1.Flex


@dataclass(frozen=True, slots=True)
class Image:
    """An operating system made ready for the shapes of one architecture."""

    id: str
    display_name: str
    system: str
    version: str
    arm: bool
    time_created: datetime

    def fits(self, shape: str) -> bool:
        """Tell whether a shape can start it."""
        return self.arm == bool(_OF_ARM.search(shape))


# name, version, system, day
_CATALOGUE = (
    ("Oracle-Linux-8.10", "8", "Oracle Linux", datetime(2026, 1, 15, tzinfo=UTC)),
    ("Oracle-Linux-9.5", "9", "Oracle Linux", datetime(2026, 2, 15, tzinfo=UTC)),
    (
        "Canonical-Ubuntu-22.04",
        "22.04",
        "Canonical Ubuntu",
        datetime(2026, 3, 15, tzinfo=UTC),
    ),
    (
        "Canonical-Ubuntu-24.04",
        "24.04",
        "Canonical Ubuntu",
        datetime(2026, 4, 15, tzinfo=UTC),
    ),
)


def images(region: str) -> tuple[Image, ...]:
    """Give a region's images, the oldest first."""
    return tuple(
        Image(
            id=f"ocid1.image.oc1.{region}.mooring{_plain(name + arm)}",
            display_name=f"{name}{arm}-{when:%Y.%m.%d}-0",
            system=system,
            version=version,
            arm=arm != "",
            time_created=when,
        )
        for name, version, system, when in _CATALOGUE
        for arm in ("", ARM)
    )


def _plain(name: str) -> str:
    """Give what an OCID can hold of a name."""
    return re.sub(r"[^a-z0-9]", "", name.lower())
