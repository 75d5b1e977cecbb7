"""The cloud through the official `oci` SDK."""

from mooring.adapters.oci.cloud import ATTEMPTS, OciCloud
from mooring.adapters.oci.principals import Access, Pod
from mooring.adapters.oci.words import MisconfiguredError

__all__ = ["ATTEMPTS", "Access", "MisconfiguredError", "OciCloud", "Pod"]
