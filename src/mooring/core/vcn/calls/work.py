"""Work requests."""

from mooring.core.vcn.acts import work
from mooring.core.vcn.api.fields import IN_COMPARTMENT, PAGE
from mooring.core.vcn.api.operation import Operation, Route, show
from mooring.core.vcn.api.schema import Field, Fields, ocid, one_of
from mooring.core.vcn.model.work import WorkRequest

_ONE = "/workRequests/{id}"

LIST_WORK: Fields = {**IN_COMPARTMENT, "resourceId": Field(ocid)}

LIST_ENTRIES: Fields = {**PAGE, "sortOrder": Field(one_of("ASC", "DESC"))}


ROUTES: dict[Route, Operation] = {
    ("GET", "/workRequests"): Operation(
        name="ListWorkRequests", query=LIST_WORK, act=work.list_all
    ),
    ("GET", _ONE): Operation(name="GetWorkRequest", kind=WorkRequest, act=show),
    ("GET", f"{_ONE}/errors"): Operation(
        name="ListWorkRequestErrors",
        kind=WorkRequest,
        query=LIST_ENTRIES,
        act=work.list_errors,
    ),
    ("GET", f"{_ONE}/logs"): Operation(
        name="ListWorkRequestLogs",
        kind=WorkRequest,
        query=LIST_ENTRIES,
        act=work.list_logs,
    ),
}
