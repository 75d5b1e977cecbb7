"""The cloud through the official `oci` SDK."""

from mooring.adapters.oci.cloud import (
    ATTEMPTS,
    Access,
    MisconfiguredError,
    OciCloud,
)

__all__ = ["ATTEMPTS", "Access", "MisconfiguredError", "OciCloud"]
