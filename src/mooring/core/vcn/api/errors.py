"""Why the cloud says no: one table of codes (oci-facts 10.4), one shape of body.

Where the facts leave open which code it is, this is the choice, made once:

- what the URI names and is not there, and a body's parent (vcnId, subnetId, vnicId,
  instanceId): 404 NotAuthorizedOrNotFound; anything else that a body refers to:
  400 RelatedResourceNotAuthorizedOrNotFound;
- a wish that can never be granted (outside of the subnet, misaligned): 400
  InvalidParameter; one that others stand in the way of (taken, in use, no room, no
  aligned room): 409 Conflict; one that may be granted in a moment: 409 IncorrectState,
  the one code of these that clients repeat by themselves;
- more than the limit: 400 LimitExceeded.
"""

import json

from mooring.core.vcn.api.requests import Reply

CODES: dict[str, int] = {
    "CannotParseRequest": 400,
    "InvalidParameter": 400,
    "MissingParameter": 400,
    "LimitExceeded": 400,
    "RelatedResourceNotAuthorizedOrNotFound": 400,
    "NotAuthorizedOrNotFound": 404,
    "NotFound": 404,
    "MethodNotAllowed": 405,
    "Conflict": 409,
    "IncorrectState": 409,
    **{
        f"{kind}AlreadyExists": 409
        for kind in ("Compartment", "User", "ApiKey", "Group", "DynamicGroup", "Policy")
    },
    "InvalidatedRetryToken": 409,
    "NoEtagMatch": 412,
    "MethodNotImplemented": 501,
}
LONGEST_QUOTE = 100


class Refusal(Exception):
    """The request is refused; the world stays as it was. Never leaves `apply`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message

    def reply(self) -> Reply:
        """Give the cloud's error body."""
        body = json.dumps({"code": self.code, "message": self.message}).encode()
        return Reply(status=CODES[self.code], body=body)


def quote(value: object) -> str:
    """Give a value as JSON, cut to a readable length."""
    text = json.dumps(value, default=str)
    return text if len(text) <= LONGEST_QUOTE else text[: LONGEST_QUOTE - 1] + "…"


def invalid(where: str, value: object, rule: str) -> Refusal:
    """Name the field, the value and the rule that it breaks."""
    return Refusal("InvalidParameter", f"{where} {quote(value)} {rule}")


def missing(*names: str) -> Refusal:
    """Name what is not there; of several names one would do."""
    if len(names) == 1:
        return Refusal("MissingParameter", f"This request is missing {names[0]}.")
    return Refusal(
        "MissingParameter",
        f"This request is missing one of the following arguments: {', '.join(names)}.",
    )


def not_found(id: str) -> Refusal:
    """Say it as the cloud does: it may be there, but not for you."""
    return Refusal(
        "NotAuthorizedOrNotFound",
        f"Authorization failed or requested resource not found: {quote(id)}",
    )


def unrelated(where: str, value: object, rule: str) -> Refusal:
    """Refuse what a body refers to and is not there, or not of this VCN."""
    return Refusal(
        "RelatedResourceNotAuthorizedOrNotFound", f"{where} {quote(value)} {rule}"
    )


def in_use(title: str, id: str, by: str, other: str) -> Refusal:
    """Refuse to delete what others need; these are the cloud's words."""
    return Refusal(
        "Conflict",
        f"The {title} {id} references the {by} {other}. You must remove the reference "
        "to proceed with this operation.",
    )


def incorrect_state(title: str, id: str, state: str, *fit: str) -> Refusal:
    """Refuse for now: the object is in a passing state, or another one than those that fit."""
    must = f"; it must be {' or '.join(fit)}" if fit else ""
    return Refusal("IncorrectState", f"The {title} {id} is in state {state}{must}.")


def limit(what: str, most: int) -> Refusal:
    """Refuse one more than there may be."""
    return Refusal("LimitExceeded", f"The limit of {most} {what} is exceeded.")


def conflict(message: str) -> Refusal:
    """Refuse because of what others have."""
    return Refusal("Conflict", message)


def exists_already(title: str, name: str) -> Refusal:
    """Refuse a second thing of a name that must be unique; codes and words are the cloud's."""
    code = f"{title.title().replace(' ', '')}AlreadyExists"
    return Refusal(code, f"{title} '{name}' already exists")


def not_built(what: str) -> Refusal:
    """Say what the local VCN does not have."""
    return Refusal("MethodNotImplemented", f"The local VCN does not have {what}.")
