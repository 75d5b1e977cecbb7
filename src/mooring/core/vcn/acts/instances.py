"""Instances: launched with their primary VNIC, changed, stopped and started, ended."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from mooring.core.net.jsontext import written
from mooring.core.vcn.acts import servicelimits, sizes
from mooring.core.vcn.acts.vnics import DETACHED, Place, plug, unplug
from mooring.core.vcn.acts.work import accepted, finished, header, touched
from mooring.core.vcn.api.errors import incorrect_state, invalid, limit
from mooring.core.vcn.api.schema import Values
from mooring.core.vcn.api.turns import Answer, Call, renamed
from mooring.core.vcn.limits import METADATA, Delays
from mooring.core.vcn.model import Instance
from mooring.core.vcn.model.compute import KEPT

FAULT_DOMAINS = ("FAULT-DOMAIN-1", "FAULT-DOMAIN-2", "FAULT-DOMAIN-3")
ENDED = ("TERMINATING", "TERMINATED")


@dataclass(frozen=True, slots=True)
class Action:
    """What a power action needs and what state the instance passes through."""

    fit: tuple[str, ...]
    state: str
    virtual_only: bool = False


ACTIONS = {
    "START": Action(("STOPPED",), "STARTING"),
    "STOP": Action(("RUNNING",), "STOPPING"),
    "SOFTSTOP": Action(("RUNNING",), "STOPPING"),
    "RESET": Action(("RUNNING",), "STARTING"),
    "SOFTRESET": Action(("RUNNING",), "STARTING"),
    "SENDDIAGNOSTICINTERRUPT": Action(("RUNNING",), "STARTING"),
    "DIAGNOSTICREBOOT": Action(("RUNNING",), "STARTING", virtual_only=True),
    "REBOOTMIGRATE": Action(("RUNNING",), "MOVING"),
}
FIT_FOR_MOVING = ("RUNNING", "STOPPED")


def launch(call: Call) -> Answer:
    """Make an instance with its primary VNIC; it runs after a while."""
    body = call.body
    size, domain = sizes.at_launch(body), _domain(call)
    servicelimits.check_size(call, domain, size.shape.name, size.ocpus)
    instance = Instance(
        **call.common(Instance, body, body.need("compartmentId", str)),
        availability_domain=domain,
        shape=size.shape.name,
        ocpus=size.ocpus,
        memory_in_gbs=size.memory,
        max_vnic_attachments=size.max_vnics,
        region=call.world.settings.region,
        fault_domain=_fault_domain(body),
        **_metadata(body, {}, {}),
        image_id=_image(body),
        more=_kept(body),
        lifecycle_state="PROVISIONING",
        settles_at=call.now + call.world.settings.delays.instance_launch,
    )
    place = Place(instance=instance, slot=0)
    draft, _ = plug(call, call.draft.put(instance), _vnic(body), place)
    about = [touched(instance, "CREATED")]
    takes = call.world.settings.delays.instance_launch
    draft, id = accepted(call, draft, "LaunchInstance", about, takes)
    return Answer(draft=draft, subject=instance, headers=header(id))


def _metadata(
    body: Values, plain: Mapping[str, str], extended: Mapping[str, Any]
) -> dict[str, Any]:
    """Give an instance's metadata of both kinds, those that it has unless the body says others."""
    given, more = body.get("metadata", dict), body.get("extendedMetadata", dict)
    found = {
        "metadata": plain if given is None else given,
        "extended_metadata": extended if more is None else more,
    }
    size = sum(len(written(part)) for part in found.values())
    if size > METADATA:
        rule = (
            f"and extendedMetadata must not exceed {METADATA} bytes; they have {size}."
        )
        raise invalid("metadata", found["metadata"], rule)
    return found


def _domain(call: Call) -> str:
    name = call.body.need("availabilityDomain", str)
    known = call.world.settings.availability_domains
    if name not in known:
        raise invalid("availabilityDomain", name, f"must be of {', '.join(known)}.")
    return name


def _fault_domain(body: Values) -> str:
    name = body.get("faultDomain", str) or FAULT_DOMAINS[0]
    if name not in FAULT_DOMAINS:
        rule = f"must be of {', '.join(FAULT_DOMAINS)}."
        raise invalid("faultDomain", name, rule)
    return name


def _image(body: Values) -> str | None:
    source = body.get("sourceDetails", Values) or Values({})
    return source.get("imageId", str) or body.get("imageId", str)


def _kept(body: Values) -> dict[str, object]:
    """Give what is shown again as it was written."""
    return {name: one for name, one in body.written().items() if name in KEPT}


def _vnic(body: Values) -> Values:
    """Give the primary VNIC's details; two older fields stand for theirs."""
    details = body.get("createVnicDetails", Values) or Values({})
    for name in ("subnetId", "hostnameLabel"):
        if name in body and name not in details:
            details = details.also(**{name: body.need(name, str)})
    return details


def update(call: Call) -> Answer:
    """Change an instance's metadata, name and tags, its size, its place.

    Another size or place needs the instance to stand still: one that runs is started anew.
    """
    instance = call.about(Instance)
    if instance.lifecycle_state in ENDED:
        raise incorrect_state("Instance", instance.id, instance.lifecycle_state)
    changes: dict[str, Any] = renamed(call.body)
    changes |= _metadata(call.body, instance.metadata, instance.extended_metadata)
    changes["more"] = {**instance.more, **_kept(call.body)}
    moved = _moved(call, instance)
    if not moved:
        return Answer(draft=call.draft.change(instance, **changes), subject=instance)
    if instance.lifecycle_state not in FIT_FOR_MOVING:
        state = instance.lifecycle_state
        raise incorrect_state("Instance", instance.id, state, *FIT_FOR_MOVING)
    about = [touched(instance, "UPDATED")]
    if instance.lifecycle_state == "STOPPED":
        draft = call.draft.change(instance, **changes, **moved)
        draft, id = finished(call, draft, "UpdateInstance", about)
        return Answer(draft=draft, subject=instance, headers=header(id))
    if call.body.get("updateOperationConstraint", str) == "AVOID_DOWNTIME":
        rule = f"does not permit what needs a reboot of instance {instance.id}."
        raise invalid("updateOperationConstraint", "AVOID_DOWNTIME", rule)
    takes = call.world.settings.delays.instance_power
    again = {"lifecycle_state": "STARTING", "settles_at": call.now + takes}
    draft = call.draft.change(instance, **changes, **moved, **again)
    draft, id = accepted(call, draft, "UpdateInstance", about, takes)
    return Answer(draft=draft, subject=instance, headers=header(id))


def _moved(call: Call, instance: Instance) -> dict[str, Any]:
    """Give the changes of size and fault domain that a body asks for."""
    size, domain = sizes.changed(instance, call.body), instance.availability_domain
    servicelimits.check_size(call, domain, size.shape.name, size.ocpus, instance)
    used = sum(
        attachment.lifecycle_state != DETACHED
        for attachment in call.world.attachments_of(instance.id)
    )
    if used > size.max_vnics:
        raise limit(f"VNIC attachments of instance {instance.id}", size.max_vnics)
    wanted = {
        "shape": size.shape.name,
        "ocpus": size.ocpus,
        "memory_in_gbs": size.memory,
        "max_vnic_attachments": size.max_vnics,
    }
    if "faultDomain" in call.body:
        wanted["fault_domain"] = _fault_domain(call.body)
    return {f: want for f, want in wanted.items() if getattr(instance, f) != want}


def act(call: Call) -> Answer:
    """Start, stop, reset or move an instance."""
    instance = call.about(Instance)
    name = call.query.need("action", str)
    action = ACTIONS.get(name.upper())
    if action is None:
        raise invalid("action", name, f"must be one of {', '.join(ACTIONS)}.")
    said = call.body.get("actionType", str)
    if said is not None and said.upper() != name.upper():
        raise invalid("actionType", said, f"must be that of the action {name}.")
    if action.virtual_only and instance.shape.startswith("BM."):
        raise invalid("action", name, "is for virtual machines only.")
    if instance.lifecycle_state not in action.fit:
        state = instance.lifecycle_state
        raise incorrect_state("Instance", instance.id, state, *action.fit)
    until = call.now + call.world.settings.delays.instance_power
    draft = call.draft.change(instance, lifecycle_state=action.state, settles_at=until)
    return Answer(draft=draft, subject=instance)


def terminate(call: Call) -> Answer:
    """End an instance and all its VNICs."""
    instance = call.about(Instance)
    if instance.lifecycle_state in ENDED:
        raise incorrect_state("Instance", instance.id, instance.lifecycle_state)
    until = call.now + _longest(call.world.settings.delays)
    draft = call.draft.change(instance, lifecycle_state="TERMINATING", settles_at=until)
    for attachment in call.world.attachments_of(instance.id):
        if attachment.lifecycle_state != DETACHED:
            vnic_until = call.now + call.world.settings.delays.vnic_detach
            draft = unplug(draft, attachment, vnic_until)
    about = [touched(instance, "DELETED")]
    draft, id = accepted(call, draft, "TerminateInstance", about, until - call.now)
    return Answer(draft=draft, status=204, headers=header(id))


def _longest(delays: Delays) -> timedelta:
    """Give how long an end takes: an instance does not end before its VNICs."""
    return max(delays.instance_terminate, delays.vnic_detach)
