"""The CRI's messages over gRPC.

They are described in `core.linux.cri`, only the fields that are sent or read. What a message has
beyond them is skipped by protobuf.
"""

from collections.abc import Mapping
from typing import Any

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from mooring.adapters.cri.errors import AbsentError, CriError
from mooring.core.linux.cri import MESSAGES, PACKAGE

LARGEST = 16 << 20

Field = descriptor_pb2.FieldDescriptorProto
SCALARS = {
    "string": Field.TYPE_STRING,
    "bytes": Field.TYPE_BYTES,
    "bool": Field.TYPE_BOOL,
    "int32": Field.TYPE_INT32,
    "int64": Field.TYPE_INT64,
    "uint32": Field.TYPE_UINT32,
}


def _described() -> Mapping[str, type[Any]]:
    """Make a class of every message in the table."""
    file = descriptor_pb2.FileDescriptorProto(
        name="mooring/cri.proto", package=PACKAGE, syntax="proto3"
    )
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            _add_field(message, field, number, kind)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(
            pool.FindMessageTypeByName(f"{PACKAGE}.{name}")
        )
        for name in MESSAGES
    }


def _add_field(
    message: descriptor_pb2.DescriptorProto, name: str, number: int, kind: str
) -> None:
    repeated = kind == "map" or kind.startswith("*")
    field = message.field.add(
        name=name,
        number=number,
        label=Field.LABEL_REPEATED if repeated else Field.LABEL_OPTIONAL,
    )
    kind = kind.removeprefix("*")
    if kind in SCALARS:
        field.type = SCALARS[kind]
        return
    field.type = Field.TYPE_MESSAGE
    field.type_name = f".{PACKAGE}.{kind}"
    if kind == "map":
        entry = "".join(word.capitalize() for word in name.split("_")) + "Entry"
        nested = message.nested_type.add(name=entry)
        nested.options.map_entry = True
        _add_field(nested, "key", 1, "string")
        _add_field(nested, "value", 2, "string")
        field.type_name = f".{PACKAGE}.{message.name}.{entry}"


CLASSES = _described()


class Wire:
    """A connection to a runtime's socket. To be closed."""

    def __init__(self, socket: str) -> None:
        options = [("grpc.max_receive_message_length", LARGEST * 2)]
        self._channel = grpc.insecure_channel(f"unix:{socket}", options=options)

    def close(self) -> None:
        """Hang up."""
        self._channel.close()

    def ask(
        self, service: str, method: str, patience: float, fields: Mapping[str, object]
    ) -> Any:
        """Call a method with a request of these fields; raise CriError."""
        call = self._channel.unary_unary(
            f"/{service}/{method}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=CLASSES[f"{method}Response"].FromString,
        )
        request = CLASSES[f"{method}Request"](**fields)
        try:
            return call(request, timeout=patience)
        except grpc.RpcError as error:
            absent = error.code() is grpc.StatusCode.NOT_FOUND
            kind = AbsentError if absent else CriError
            raise kind(f"{method}: {error.details()}") from None
