"""How large an instance is: its shape, OCPUs, memory and network cards, at launch and when it changes."""

from dataclasses import dataclass

from mooring.core.vcn import shapes
from mooring.core.vcn.api.errors import invalid, limit, missing
from mooring.core.vcn.api.schema import Values
from mooring.core.vcn.api.turns import Call
from mooring.core.vcn.model import Instance
from mooring.core.vcn.shapes import (
    LEAST_MEMORY_PER_OCPU,
    MOST_MEMORY_PER_OCPU,
    Shape,
)

DETACHED = "DETACHED"
NOTHING = Values({})


@dataclass(frozen=True, slots=True)
class Size:
    """A shape and what an instance takes of it."""

    shape: Shape
    ocpus: float
    memory: float

    @property
    def max_vnics(self) -> int:
        """Give how many VNICs an instance of this size may have."""
        return self.shape.max_vnics(self.ocpus)


def at_launch(body: Values) -> Size:
    """Give the size of a new instance; OCPUs of a flexible shape must be said."""
    shape = _shape(body.need("shape", str))
    config = body.get("shapeConfig", Values) or NOTHING
    ocpus = _ocpus(shape, config, None)
    return Size(shape, ocpus, _memory(shape, ocpus, config))


def changed(instance: Instance, body: Values) -> Size:
    """Give the size that an instance shall have; what is not said stays, as far as it can."""
    before = _shape(instance.shape)
    shape = _shape(body.get("shape", str) or instance.shape)
    is_same = shape == before
    if not is_same and shape.name not in before.resizes_to():
        rule = f"is nothing that an instance of {before.name} can change to."
        raise invalid("shape", shape.name, rule)
    config = body.get("shapeConfig", Values) or NOTHING
    ocpus = _ocpus(shape, config, instance.ocpus if is_same else None)
    if is_same and ocpus == instance.ocpus and "memoryInGBs" not in config:
        return Size(shape, ocpus, instance.memory_in_gbs)
    return Size(shape, ocpus, _memory(shape, ocpus, config))


def card(call: Call, instance: Instance) -> int:
    """Give the network card at which a VNIC shall be, if it may be there."""
    index = call.body.get("nicIndex", int) or 0
    shape = shapes.find(instance.shape)
    if shape is None or not shape.bare_metal:
        most, ports = instance.max_vnic_attachments, 1
    else:
        most, ports = shape.vnics_per_port, shape.network_ports
    if index >= ports:
        raise invalid("nicIndex", index, f"must be below {ports} for {instance.shape}.")
    there = sum(
        attachment.nic_index == index and attachment.lifecycle_state != DETACHED
        for attachment in call.world.attachments_of(instance.id)
    )
    if there >= most:
        raise limit(f"VNIC attachments at nicIndex {index} of {instance.id}", most)
    return index


def _shape(name: str) -> Shape:
    shape = shapes.find(name)
    if shape is None:
        raise invalid("shape", name, "is not known; ListShapes tells which are.")
    return shape


def _ocpus(shape: Shape, config: Values, kept: float | None) -> float:
    """Give the OCPUs of an instance: those that it asks for, or that it had."""
    where, ocpus = _asked(shape, config)
    if not shape.flexible:
        if ocpus not in (None, shape.ocpus):
            raise invalid(where, ocpus, f"must be {shape.ocpus:g} for {shape.name}.")
        return shape.ocpus
    if ocpus is None and kept is None:
        raise missing("shapeConfig.ocpus")
    if ocpus is None:
        return kept or 0
    if not shape.least_ocpus <= ocpus <= shape.ocpus:
        rule = (
            f"must be from {shape.least_ocpus:g} to {shape.ocpus:g} for {shape.name}."
        )
        raise invalid(where, ocpus, rule)
    if shape.sizes and ocpus not in shape.sizes:
        rule = f"must be one of {', '.join(f'{n:g}' for n in shape.sizes)} for {shape.name}."
        raise invalid(where, ocpus, rule)
    return ocpus


def _asked(shape: Shape, config: Values) -> tuple[str, float | None]:
    """Give the OCPUs that are asked for, by either of their two names, and which one it was."""
    ocpus, vcpus = config.get("ocpus", float), config.get("vcpus", int)
    if vcpus is None:
        return "shapeConfig.ocpus", ocpus
    if ocpus is not None:
        raise invalid("shapeConfig.vcpus", vcpus, "must not be given with ocpus.")
    return "shapeConfig.vcpus", vcpus / shape.vcpus_per_ocpu


def _memory(shape: Shape, ocpus: float, config: Values) -> float:
    memory = config.get("memoryInGBs", float)
    if memory is None:
        return ocpus * shape.memory_per_ocpu
    least, most = ocpus * LEAST_MEMORY_PER_OCPU, ocpus * MOST_MEMORY_PER_OCPU
    if shape.flexible and not least <= memory <= most:
        rule = f"must be from {least:g} to {most:g} with {ocpus:g} OCPUs."
        raise invalid("shapeConfig.memoryInGBs", memory, rule)
    return memory
