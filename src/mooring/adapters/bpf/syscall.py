"""bpf(2): descriptors of maps and programs, and what the kernel says of them."""

import ctypes
import os
import platform
from collections.abc import Iterator
from errno import ENOENT

from mooring.core.linux.bpf import call
from mooring.core.linux.bpf.call import Map, Memory

NUMBERS = {"x86_64": 321, "aarch64": 280}
LICENSE = b"GPL\0"
LOG_BYTES = 1 << 20
MOST_MAPS = 64

_libc = ctypes.CDLL(None, use_errno=True)


def bpf(command: int, attributes: bytes) -> int:
    """Call it; OSError when the kernel refuses."""
    number = NUMBERS.get(platform.machine())
    if number is None:
        raise OSError(0, f"no bpf(2) is known for {platform.machine()}")
    buffer = ctypes.create_string_buffer(attributes, len(attributes))
    done: int = _libc.syscall(number, command, buffer, len(attributes))
    if done < 0:
        errno = ctypes.get_errno()
        raise OSError(errno, os.strerror(errno))
    return done


def make_map(table: Map) -> int:
    """Make a map; its descriptor."""
    return bpf(call.MAP_CREATE, call.make_map(table))


def update(fd: int, key: bytes, value: bytes) -> None:
    """Put an entry."""
    k, v = _memory(key), _memory(value)
    bpf(
        call.UPDATE,
        call.element(fd, ctypes.addressof(k), ctypes.addressof(v)),
    )


def delete(fd: int, key: bytes) -> None:
    """Take an entry out, if it is there."""
    memory = _memory(key)
    try:
        bpf(call.DELETE, call.element(fd, ctypes.addressof(memory)))
    except OSError as why:
        if why.errno != ENOENT:
            raise


def items(fd: int, table: Map) -> Iterator[tuple[bytes, bytes]]:
    """Read entries; what comes or goes meanwhile may be missed."""
    key = ctypes.create_string_buffer(table.key)
    value = ctypes.create_string_buffer(table.value)
    where, found = ctypes.addressof(key), ctypes.addressof(value)
    before = 0
    while True:
        try:
            bpf(call.NEXT_KEY, call.element(fd, before, where))
            bpf(call.LOOK_UP, call.element(fd, where, found))
        except OSError as why:
            if why.errno == ENOENT:
                return
            raise
        yield key.raw, value.raw
        before = where


def load(kind: int, name: str, code: bytes, modules: list[int], flags: int = 0) -> int:
    """Load a program; its descriptor. OSError with the verifier's last words."""
    parts = _memory(code), _memory(LICENSE)
    listed = (ctypes.c_int * (len(modules) + 1))(0, *modules)

    def attempt(log: "ctypes.Array[ctypes.c_char] | None" = None) -> int:
        where = Memory(
            code=ctypes.addressof(parts[0]),
            license=ctypes.addressof(parts[1]),
            modules=ctypes.addressof(listed),
            log=0 if log is None else ctypes.addressof(log),
            log_size=0 if log is None else LOG_BYTES,
        )
        return bpf(call.LOAD, call.load(kind, name, len(code) // 8, where, flags))

    try:
        return attempt()
    except OSError as why:
        log = ctypes.create_string_buffer(LOG_BYTES)
        try:
            return attempt(log)
        except OSError:
            lines = log.value.decode(errors="replace").strip().splitlines()
            words = "; ".join(line for line in lines if "processed" not in line)[-300:]
            said = f"{why.strerror}: {words}" if words else why.strerror
            raise OSError(why.errno, f"{name}: {said}") from why


def function(name: str) -> tuple[int, int]:
    """Find a function of the kernel: its number, and its module's descriptor or 0."""
    fd = load(call.SYSCALL, "find_function", call.finder(name), [], call.SLEEPS)
    try:
        answer = ctypes.c_int64(0)
        bpf(call.RUN, call.run(fd, ctypes.addressof(answer), 8))
    finally:
        os.close(fd)
    if answer.value < 0:
        raise OSError(-answer.value, f"the kernel has no function {name}")
    return answer.value & 0xFFFFFFFF, answer.value >> 32


def program(number: int) -> int:
    """Open a program by its number."""
    return bpf(call.PROGRAM_BY_ID, call.by_id(number))


def maps_of(fd: int) -> dict[str, int]:
    """Open a program's maps, by name."""
    numbers = (ctypes.c_uint32 * MOST_MAPS)()
    wanted = call.want_map_ids(MOST_MAPS, ctypes.addressof(numbers))
    count, _ = call.map_ids(_info(fd, wanted))
    opened = [bpf(call.MAP_BY_ID, call.by_id(numbers[i])) for i in range(count)]
    return {call.map_name(_info(one, bytes(call.INFO_BYTES))): one for one in opened}


def _info(fd: int, wanted: bytes) -> bytes:
    info = _memory(wanted)
    bpf(call.INFO, call.ask_info(fd, ctypes.addressof(info)))
    return info.raw


def _memory(data: bytes) -> "ctypes.Array[ctypes.c_char]":
    return ctypes.create_string_buffer(data, len(data))
