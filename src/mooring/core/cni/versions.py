"""The versions of the CNI specification that are spoken."""

from functools import lru_cache

SUPPORTED = ("0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0")
"""Oldest first. The two before them cannot name an interface in a result."""

FALLBACK = "1.0.0"
"""The version of an answer to a call whose version is unknown."""

SINCE = {"CHECK": "0.4.0", "GC": "1.1.0", "STATUS": "1.1.0"}
"""Commands younger than the oldest supported version."""


@lru_cache(maxsize=64)
def reaches(version: str, bound: str) -> bool:
    """Tell whether a supported version is `bound` or younger."""
    return SUPPORTED.index(version) >= SUPPORTED.index(bound)


def spoken_versions(version: str) -> dict[str, object]:
    """Give what VERSION prints."""
    return {"cniVersion": version, "supportedVersions": list(SUPPORTED)}
