"""Who calls, as far as decisions about permissions go."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller whose signature was believed.

    `id` is an OCID (a user's, an instance's, a cluster's); `kind` is "user", "instance",
    "workload", "cluster", or another word that `request.principal.type` is compared with.
    `compartment_id` is where an instance or cluster lives; empty for a user. `claims` are what a
    session token says beyond that, by the names of policy variables without `request.principal.`
    (`namespace`, `service_account`, `cluster_id`). `administrator` is true for those whom
    `mooring vcn init` wrote into the register: no policy is asked about them.
    """

    id: str
    kind: str = "user"
    tenancy: str = ""
    compartment_id: str = ""
    claims: Mapping[str, str] = field(default_factory=dict)
    administrator: bool = False
