"""What the identity service shows beyond the fields of its records."""

from mooring.core.vcn.model import (
    ApiKey,
    Compartment,
    DynamicGroup,
    Group,
    Policy,
    Resource,
    User,
)
from mooring.core.vcn.shown.forms import Json, More
from mooring.core.vcn.world import World

CAPABILITIES = {
    "canUseConsolePassword": False,
    "canUseApiKeys": True,
    "canUseAuthTokens": False,
    "canUseSmtpCredentials": False,
    "canUseDbCredentials": False,
    "canUseCustomerSecretKeys": False,
    "canUseOAuth2ClientCredentials": False,
}


def _named(record: Resource, _: World) -> Json:
    return {"name": record.display_name}


def _compartment(compartment: Compartment, _: World) -> Json:
    return {"name": compartment.display_name, "isAccessible": True}


def _user(user: User, _: World) -> Json:
    return {
        "name": user.display_name,
        "isMfaActivated": False,
        "capabilities": CAPABILITIES,
    }


def _key(key: ApiKey, _: World) -> Json:
    return {"keyId": key.id}


MORE: More = {
    Compartment: _compartment,
    User: _user,
    ApiKey: _key,
    Group: _named,
    DynamicGroup: _named,
    Policy: _named,
}
