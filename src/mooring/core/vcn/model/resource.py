"""What every object of the cloud has.

Field names are the API's in snake case (oci-facts section 10; OCI Core Services API 20160918).
Every record carries its OCID, its lifecycle state and a `version` from which the etag is made.
`settles_at` is when a record in a passing state (PROVISIONING, ATTACHING, DETACHING, TERMINATING,
UPDATING) moves on by itself; None for a state that stays.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Tags = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """What every object of the cloud has."""

    id: str
    compartment_id: str
    display_name: str
    time_created: datetime
    lifecycle_state: str = "AVAILABLE"
    freeform_tags: Tags = field(default_factory=dict)
    defined_tags: Tags = field(default_factory=dict)
    version: int = 1
    settles_at: datetime | None = None
