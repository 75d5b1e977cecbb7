"""Instances: launched with their primary VNIC, changed, stopped and started, ended."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from mooring.core.vcn import shapes
from mooring.core.vcn.acts.vnics import DETACHED, Place, plug, unplug
from mooring.core.vcn.api.errors import incorrect_state, invalid, missing
from mooring.core.vcn.api.schema import Values
from mooring.core.vcn.api.turns import Answer, Call, renamed
from mooring.core.vcn.limits import Delays
from mooring.core.vcn.model import Instance
from mooring.core.vcn.shapes import Shape

FAULT_DOMAINS = ("FAULT-DOMAIN-1", "FAULT-DOMAIN-2", "FAULT-DOMAIN-3")
ENDED = ("TERMINATING", "TERMINATED")


@dataclass(frozen=True, slots=True)
class Action:
    """What a power action needs and what state the instance passes through."""

    fit: tuple[str, ...]
    state: str


ACTIONS = {
    "START": Action(("STOPPED",), "STARTING"),
    "STOP": Action(("RUNNING",), "STOPPING"),
    "SOFTSTOP": Action(("RUNNING",), "STOPPING"),
    "RESET": Action(("RUNNING",), "STARTING"),
    "SOFTRESET": Action(("RUNNING",), "STARTING"),
}


def launch(call: Call) -> Answer:
    """Make an instance with its primary VNIC; it runs after a while."""
    body = call.body
    shape, ocpus = _size(body)
    config = body.get("shapeConfig", Values) or Values({})
    memory = config.get("memoryInGBs", float) or ocpus * shape.memory_per_ocpu
    instance = Instance(
        **call.common(Instance, body, body.need("compartmentId", str)),
        availability_domain=_domain(call),
        shape=shape.name,
        ocpus=ocpus,
        memory_in_gbs=memory,
        max_vnic_attachments=shape.max_vnics(ocpus),
        region=call.world.settings.region,
        fault_domain=_fault_domain(body),
        metadata=body.get("metadata", dict) or {},
        extended_metadata=body.get("extendedMetadata", dict) or {},
        image_id=_image(body),
        lifecycle_state="PROVISIONING",
        settles_at=call.now + call.world.settings.delays.instance_launch,
    )
    place = Place(instance=instance, slot=0)
    draft, _ = plug(call, call.draft.put(instance), _vnic(body), place)
    return Answer(draft=draft, subject=instance)


def _size(body: Values) -> tuple[Shape, float]:
    """Give shape and OCPUs; those of a flexible shape must be said."""
    name = body.need("shape", str)
    shape = shapes.find(name)
    if shape is None:
        raise invalid("shape", name, "is not known; ListShapes tells which are.")
    if not shape.flexible:
        return shape, shape.ocpus
    config = body.get("shapeConfig", Values)
    ocpus = None if config is None else config.get("ocpus", float)
    if ocpus is None:
        raise missing("shapeConfig.ocpus")
    if not shape.least_ocpus <= ocpus <= shape.ocpus:
        rule = f"must be from {shape.least_ocpus:g} to {shape.ocpus:g} for {name}."
        raise invalid("shapeConfig.ocpus", ocpus, rule)
    return shape, ocpus


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


def _vnic(body: Values) -> Values:
    """Give the primary VNIC's details; two older fields stand for theirs."""
    details = body.get("createVnicDetails", Values) or Values({})
    for name in ("subnetId", "hostnameLabel"):
        if name in body and name not in details:
            details = details.also(**{name: body.need(name, str)})
    return details


def update(call: Call) -> Answer:
    """Change an instance's metadata, name and tags."""
    instance = call.about(Instance)
    if instance.lifecycle_state in ENDED:
        raise incorrect_state("Instance", instance.id, instance.lifecycle_state)
    changes: dict[str, Any] = renamed(call.body)
    fields = {"metadata": "metadata", "extendedMetadata": "extended_metadata"}
    changes |= {f: call.body.need(n, dict) for n, f in fields.items() if n in call.body}
    return Answer(draft=call.draft.change(instance, **changes), subject=instance)


def act(call: Call) -> Answer:
    """Start, stop or reset an instance."""
    instance = call.about(Instance)
    name = call.query.need("action", str)
    action = ACTIONS.get(name.upper())
    if action is None:
        raise invalid("action", name, f"must be one of {', '.join(ACTIONS)}.")
    if instance.lifecycle_state not in action.fit:
        raise incorrect_state("Instance", instance.id, instance.lifecycle_state)
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
    return Answer(draft=draft, status=204)


def _longest(delays: Delays) -> timedelta:
    """Give how long an end takes: an instance does not end before its VNICs."""
    return max(delays.instance_terminate, delays.vnic_detach)
