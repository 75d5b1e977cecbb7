"""A fault as the admin API shows it."""

from mooring.core.vcn.faults.fault import Fault
from mooring.core.vcn.faults.words import said_budget, said_duration


def shown(fault: Fault) -> dict[str, object]:
    """Give a fault as JSON; what it has not is left out."""
    has: dict[str, object] = {
        "id": fault.id,
        "kind": fault.kind,
        "operation": fault.operation,
        "since": fault.since.isoformat(),
        "rate": fault.rate,
        "seed": fault.seed,
        "count": fault.count,
        "until": fault.until and fault.until.isoformat(),
        "delay": said_duration(fault.delay) if fault.delay else None,
        "status": fault.status or None,
        "code": fault.code or None,
        "message": fault.message or None,
        "budget": fault.budget and said_budget(fault.budget),
        "subnet": fault.subnet_id or None,
        "prefix": fault.prefix or None,
        "met": fault.met,
        "fired": fault.fired,
        "ended": fault.ended or None,
    }
    return {name: value for name, value in has.items() if value not in (None, "")}
