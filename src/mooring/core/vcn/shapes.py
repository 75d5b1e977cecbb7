"""Compute shapes: their size and how many VNICs they carry (oci-facts 8.2).

A flexible shape carries so many VNICs per OCPU, two at least and 24 at most; a fixed one
what its row says. Memory is as documented per OCPU and only shown.
"""

import re
from dataclasses import dataclass

FLEX_LEAST, FLEX_MOST = 2, 24
LEAST_MEMORY_PER_OCPU, MOST_MEMORY_PER_OCPU = 1, 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A shape; `ocpus` is the most of a flexible one, `sizes` are all that it may have if not any will do."""

    name: str
    ocpus: float
    memory_per_ocpu: float = 16
    vnics: int
    vnics_per_ocpu: int | None = None
    least_ocpus: float = 1
    sizes: tuple[float, ...] = ()
    gpus: int = 0

    @property
    def flexible(self) -> bool:
        """Tell whether OCPUs are chosen at launch."""
        return self.vnics_per_ocpu is not None

    def max_vnics(self, ocpus: float) -> int:
        """Give how many VNICs an instance with so many OCPUs may have."""
        if self.vnics_per_ocpu is None:
            return self.vnics
        return max(FLEX_LEAST, min(FLEX_MOST, int(ocpus * self.vnics_per_ocpu)))

    @property
    def bare_metal(self) -> bool:
        """Tell whether an instance of it has a machine for itself."""
        return self.name.startswith("BM.")

    @property
    def vcpus_per_ocpu(self) -> int:
        """Give how many threads an OCPU has: two, but one on the first Arm processors."""
        return 1 if ".A1." in self.name else 2

    @property
    def network_ports(self) -> int:
        """Give the physical network cards that VNICs may be attached to."""
        return 2 if self.name in TWO_CARDS else 1

    @property
    def vnics_per_port(self) -> int:
        """Give how many VNICs one of its network cards carries."""
        return VNICS_PER_CARD.get(self.name, self.vnics)

    @property
    def bandwidth(self) -> float:
        """Give Gbit/s: one for each OCPU, 40 at most, and what bare metal has."""
        return 50.0 if self.bare_metal else min(40.0, max(1.0, self.ocpus))

    def resizes_to(self) -> tuple[str, ...]:
        """Give the names of the shapes that an instance of this one can change to."""
        group = _group(self.name)
        if group is None:
            return ()
        return tuple(n for n in SHAPES if _group(n) == group and n != self.name)


def _group(name: str) -> str | None:
    """Give the processors among which a virtual machine can move; None when it stays."""
    if _RESIZABLE.fullmatch(name) is None:
        return None
    return "arm" if ".A" in name else "x86"


_RESIZABLE = re.compile(r"VM\.(Standard|Optimized)(?!\.E2\.1\.Micro).*")
TWO_CARDS = frozenset({"BM.Standard2.52", "BM.DenseIO2.52", "BM.GPU3.8"})
VNICS_PER_CARD = {"BM.DenseIO2.52": 26}

# name, most OCPUs, memory per OCPU, VNICs per OCPU, least OCPUs
_FLEXIBLE: tuple[tuple[str, float, float, int, float], ...] = (
    ("VM.Standard3.Flex", 32, 16, 1, 1),
    ("VM.Standard.E3.Flex", 64, 16, 1, 1),
    ("VM.Standard.E4.Flex", 64, 16, 1, 1),
    ("VM.Standard.E5.Flex", 94, 12, 1, 1),
    ("VM.Standard.E6.Flex", 126, 11, 1, 1),
    ("VM.Standard.A1.Flex", 80, 6, 1, 1),
    ("VM.Standard.A2.Flex", 78, 6, 1, 1),
    ("VM.Standard.A4.Flex", 45, 8, 1, 1),
    ("VM.Optimized3.Flex", 18, 14, 2, 1),
    ("VM.DenseIO.E4.Flex", 32, 16, 1, 8),
    ("VM.DenseIO.E5.Flex", 48, 12, 1, 8),
)

# name, OCPUs, memory per OCPU, VNICs
_FIXED: tuple[tuple[str, float, float, int], ...] = (
    ("VM.Standard.E2.1.Micro", 1, 1, 1),
    *(
        (f"VM.Standard{generation}.{n}", n, memory, max(2, n))
        for generation, memory, sizes in (
            (1, 7, (1, 2, 4, 8, 16)),
            (2, 15, (1, 2, 4, 8, 16, 24)),
        )
        for n in sizes
    ),
    ("VM.GPU2.1", 12, 6, 12),
    ("VM.GPU3.1", 6, 15, 6),
    ("VM.GPU3.2", 12, 15, 12),
    ("VM.GPU3.4", 24, 15, 24),
    ("VM.GPU.A10.1", 15, 16, 15),
    ("VM.GPU.A10.2", 30, 16, 24),
    ("BM.Standard1.36", 36, 7, 100),
    ("BM.Standard.B1.44", 44, 11.6, 44),
    ("BM.Standard2.52", 52, 14.7, 200),
    ("BM.Standard.E2.64", 64, 8, 150),
    ("BM.Standard3.64", 64, 16, 256),
    ("BM.Standard.E3.128", 128, 16, 256),
    ("BM.Standard.E4.128", 128, 16, 256),
    ("BM.Standard.E5.192", 192, 12, 256),
    ("BM.Standard.E6.256", 256, 12, 256),
    ("BM.Standard.A1.160", 160, 6.4, 256),
    ("BM.Standard.A4.48", 48, 16, 256),
    ("BM.DenseIO1.36", 36, 14.2, 36),
    ("BM.DenseIO2.52", 52, 14.7, 52),
    ("BM.DenseIO.E4.128", 128, 16, 256),
    ("BM.DenseIO.E5.128", 128, 12, 256),
    ("BM.Optimized3.36", 36, 14.2, 256),
    ("BM.HPC2.36", 36, 10.6, 50),
    ("BM.HPC.E5.144", 144, 5.3, 256),
    ("BM.GPU2.2", 28, 6.8, 28),
    ("BM.GPU3.8", 52, 14.7, 52),
    ("BM.GPU4.8", 64, 32, 64),
    ("BM.GPU.GB200.4", 144, 6.6, 512),
    ("BM.GPU.GB300.4", 144, 6.6, 512),
)
_SIZES: dict[str, tuple[float, ...]] = {
    "VM.DenseIO.E4.Flex": (8, 16, 32),
    "VM.DenseIO.E5.Flex": (8, 16, 24, 32, 40, 48),
}
_GPUS = re.compile(r"(?:VM|BM)\.GPU(?:\.[A-Z]+\d+|\d+)\.(\d+)")
_OTHER_GPU = re.compile(r"BM\.GPU\.[A-Za-z0-9.-]+")

SHAPES: dict[str, Shape] = {
    name: Shape(
        name=name,
        ocpus=ocpus,
        memory_per_ocpu=memory,
        vnics=FLEX_LEAST,
        vnics_per_ocpu=rate,
        least_ocpus=least,
        sizes=_SIZES.get(name, ()),
    )
    for name, ocpus, memory, rate, least in _FLEXIBLE
} | {
    name: Shape(
        name=name,
        ocpus=ocpus,
        memory_per_ocpu=memory,
        vnics=vnics,
        gpus=int(found[1]) if (found := _GPUS.fullmatch(name)) else 0,
    )
    for name, ocpus, memory, vnics in _FIXED
}


def find(name: str) -> Shape | None:
    """Give a shape by its name; bare metal GPU shapes not listed carry 256 VNICs."""
    if name in SHAPES:
        return SHAPES[name]
    if _OTHER_GPU.fullmatch(name):
        return Shape(name=name, ocpus=112, vnics=256)
    return None
