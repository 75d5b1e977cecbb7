"""Service limits: kept when things are made, and told by the limits service."""

import math

from mooring.core.vcn import servicelimits
from mooring.core.vcn.acts.paging import in_order, paged
from mooring.core.vcn.api.errors import Refusal, invalid, not_found
from mooring.core.vcn.api.turns import Answer, Call
from mooring.core.vcn.iam.tree import TENANCY
from mooring.core.vcn.model import Instance, Vcn
from mooring.core.vcn.servicelimits import AD, LIMITS, SERVICES, ServiceLimit
from mooring.core.vcn.shown.forms import Json

BY = {"name": "name", "description": "description"}

# -- kept


def check(call: Call, name: str) -> None:
    """Refuse one more than the region may have."""
    row = LIMITS[name]
    _hold(call, row, servicelimits.used(call.world, row, None, None) + 1, "")


def check_vcn(call: Call, vcn: Vcn, name: str) -> None:
    """Refuse one more than a VCN may have."""
    row = LIMITS[name]
    count = servicelimits.in_vcn(call.world, row, vcn.id) + 1
    _hold(call, row, count, f" in VCN {vcn.id}")


def check_size(
    call: Call, domain: str, shape: str, ocpus: float, but: Instance | None = None
) -> None:
    """Refuse an instance for which an availability domain has no room; `but` is what it was before."""
    size = servicelimits.cores(shape, ocpus)
    if size is None:
        return
    row, amount = size
    if but is not None:
        before = servicelimits.cores(but.shape, but.ocpus)
        amount -= before[1] if before and before[0] is row else 0
    if amount > 0:
        there = servicelimits.used(call.world, row, domain, None)
        _hold(call, row, there + amount, f" in {domain}")


def _hold(call: Call, row: ServiceLimit, wanted: float, where: str) -> None:
    most = servicelimits.value(call.world.settings, row)
    if wanted > most:
        raise Refusal(
            "LimitExceeded",
            f"The following service limits were exceeded: {row.name}. There may be {most}{where}; "
            f"`mooring vcn serve --limit {row.name}=…` changes that.",
        )


# -- told


def list_services(call: Call) -> Answer:
    """List the services that have limits."""
    found: list[Json] = [
        {"name": name, "description": words} for name, words in SERVICES.items()
    ]
    return paged(call, in_order(_sorted(call, found)))


def list_definitions(call: Call) -> Answer:
    """List what limits there are."""
    found = [_definition(row) for row in LIMITS.values() if _fits(call, row)]
    return paged(call, in_order(_sorted(call, found)))


def _fits(call: Call, row: ServiceLimit) -> bool:
    query = call.query
    return (
        query.get("serviceName", str) in (None, row.service)
        and query.get("name", str) in (None, row.name)
        and query.get("scopeType", str) in (None, row.scope)
    )


def _sorted(call: Call, found: list[Json]) -> list[Json]:
    by = call.query.get("sortBy", str) or "name"
    latest = call.query.get("sortOrder", str) == "DESC"
    return sorted(found, key=lambda one: str(one[by]), reverse=latest)


def _definition(row: ServiceLimit) -> Json:
    return {
        "name": row.name,
        "serviceName": row.service,
        "description": row.description,
        "scopeType": row.scope,
        "areQuotasSupported": False,
        "isResourceAvailabilitySupported": row.is_counted,
        "isDeprecated": False,
        "isEligibleForLimitIncrease": row.name in servicelimits.CHOSEN,
        "isDynamic": False,
    }


def list_values(call: Call) -> Answer:
    """List how many there may be; of what an availability domain limits, for each of them."""
    service = call.query.need("serviceName", str)
    if service not in SERVICES:
        raise not_found(service)
    domain = call.query.get("availabilityDomain", str)
    known = call.world.settings.availability_domains
    found: list[Json] = [
        {
            "name": row.name,
            "scopeType": row.scope,
            "availabilityDomain": place,
            "value": servicelimits.value(call.world.settings, row),
        }
        for row in LIMITS.values()
        if _fits(call, row)
        for place in (known if row.scope == AD else (None,))
        if domain in (None, place)
    ]
    return paged(call, in_order(_sorted(call, found)))


def availability(call: Call) -> Answer:
    """Tell how much of a limit a compartment uses, and how much is left for all."""
    *_, service, _, name, _ = call.request.path.strip("/").split("/")
    row = LIMITS.get(name)
    if row is None or row.service != service or not row.is_counted:
        raise not_found(f"{service}/{name}")
    world, domain = call.world, _domain(call, row)
    caller = call.request.caller
    tenancy = TENANCY if caller is None else caller.tenancy
    within = call.query.need("compartmentId", str), tenancy
    mine = servicelimits.used(world, row, domain, within)
    most = servicelimits.value(world.settings, row)
    left = max(0.0, most - servicelimits.used(world, row, domain, None))
    shown: Json = {
        "used": math.ceil(mine),
        "available": math.floor(left),
        "fractionalUsage": float(mine),
        "fractionalAvailability": float(left),
        "effectiveQuotaValue": None,
    }
    return Answer(draft=call.draft, shown=shown)


def _domain(call: Call, row: ServiceLimit) -> str | None:
    """Give the availability domain, which a limit of one needs and another must not have."""
    domain = call.query.get("availabilityDomain", str)
    known = call.world.settings.availability_domains
    if row.scope == AD and domain not in known:
        rule = f"must be of {', '.join(known)}: the limit {row.name} is of a domain."
        raise invalid("availabilityDomain", domain, rule)
    if row.scope != AD and domain is not None:
        rule = f"must not be given: the limit {row.name} is of scope {row.scope}."
        raise invalid("availabilityDomain", domain, rule)
    return domain
