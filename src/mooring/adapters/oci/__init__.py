"""The cloud through the official `oci` SDK."""

from mooring.adapters.oci.clients import Access, MisconfiguredError
from mooring.adapters.oci.cloud import ATTEMPTS, OciCloud

__all__ = ["ATTEMPTS", "Access", "MisconfiguredError", "OciCloud"]
