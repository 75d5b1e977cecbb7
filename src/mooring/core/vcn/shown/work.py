"""Work requests as they are shown."""

from mooring.core.vcn.model.work import WorkRequest
from mooring.core.vcn.shown.forms import Json, More, plain
from mooring.core.vcn.world import World


def summary(work: WorkRequest) -> Json:
    """Show a work request as it stands in a list."""
    fields: Json = {
        "operationType": work.operation_type,
        "status": work.lifecycle_state,
        "id": work.id,
        "compartmentId": work.compartment_id,
        "percentComplete": work.percent_complete,
        "timeAccepted": work.time_created,
        "timeStarted": work.time_started,
        "timeFinished": work.time_finished,
    }
    return {name: plain(value) for name, value in fields.items()}


def _work(work: WorkRequest, _: World) -> Json:
    resources = [
        {
            "actionType": one.action,
            "entityType": one.entity,
            "identifier": one.id,
            "entityUri": None,
        }
        for one in work.resources
    ]
    return {**summary(work), "resources": resources}


MORE: More = {
    WorkRequest: _work,
}
