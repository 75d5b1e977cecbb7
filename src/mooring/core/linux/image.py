"""A container image as bytes: an OCI layout in a tar, of layers that are tars themselves.

`ctr images import` reads it; no registry and no builder are asked (OCI image specification
1.1: image-layout, manifest, config). The same input gives the same bytes and digests.
"""

import hashlib
import json
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

LAYOUT = "application/vnd.oci.layout.header.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
FOREVER = ("/bin/busybox", "sleep", "2147483647")

DIRECTORIES = ("bin", "dev", "etc", "proc", "root", "run", "sys", "usr", "var")
MERGED = {"lib": "usr/lib", "lib32": "usr/lib32", "lib64": "usr/lib64"}
"""Links as on a system with merged /usr, so that one mounted at /usr works."""
FILES = {
    "etc/passwd": b"root:x:0:0:root:/root:/bin/sh\n",
    "etc/group": b"root:x:0:\n",
    "etc/nsswitch.conf": b"hosts: files dns\n",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What goes in: the program, the names it answers to, the image's own name."""

    name: str
    machine: str
    busybox: bytes
    applets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """A tar member: a directory (content None), a file, or a link when `link` is set."""

    path: str
    content: bytes | None = None
    mode: int = 0o755
    link: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image apart from its layers; it answers to each of its `names`."""

    names: tuple[str, ...]
    machine: str
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    environment: tuple[str, ...] = (PATH,)
    user: str = ""


def archive(recipe: Recipe) -> bytes:
    """Make the image of one static program."""
    image = Image(names=(recipe.name,), machine=recipe.machine, command=FOREVER)
    return b"".join(layout(image, [tar(_tree(recipe))]))


def layout(image: Image, layers: Sequence[bytes]) -> list[bytes]:
    """Make an image of layers (tars), the lowest first; its parts in order, not copied."""
    platform = {
        "architecture": ARCHITECTURES.get(image.machine, image.machine),
        "os": "linux",
    }
    config = _json(
        {
            **platform,
            "config": _config(image),
            "rootfs": {
                "type": "layers",
                "diff_ids": [_digest(each) for each in layers],
            },
            "history": [{"created_by": "mooring"} for _ in layers],
        }
    )
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": _descriptor(CONFIG, config),
            "layers": [_descriptor(LAYER, each) for each in layers],
        }
    )
    index = _index(image, {**_descriptor(MANIFEST, manifest), "platform": platform})
    blobs = {_digest(blob): blob for blob in (config, *layers, manifest)}
    return _parts(
        [
            Entry("oci-layout", _json({"imageLayoutVersion": "1.0.0"}), 0o644),
            Entry("index.json", index, 0o644),
            Entry("blobs"),
            Entry("blobs/sha256"),
            *(
                Entry(f"blobs/sha256/{digest[7:]}", blob, 0o644)
                for digest, blob in blobs.items()
            ),
        ]
    )


def _index(image: Image, described: Mapping[str, Any]) -> bytes:
    named = [
        {**described, "annotations": {"io.containerd.image.name": name}}
        for name in image.names
    ]
    return _json({"schemaVersion": 2, "mediaType": INDEX, "manifests": named})


def _config(image: Image) -> dict[str, Any]:
    said = {
        "Env": list(image.environment),
        "Entrypoint": list(image.entrypoint),
        "Cmd": list(image.command),
        "User": image.user,
        "WorkingDir": "/",
    }
    return {name: value for name, value in said.items() if value}


def tar(entries: Sequence[Entry]) -> bytes:
    """Write members as a tar (POSIX ustar), owned by root, dated 1970."""
    return b"".join(_parts(entries))


def _parts(entries: Sequence[Entry]) -> list[bytes]:
    parts: list[bytes] = []
    for entry in entries:
        content = entry.content or b""
        parts += (_header(entry).tobuf(tarfile.USTAR_FORMAT), content)
        parts.append(bytes(-len(content) % tarfile.BLOCKSIZE))
    parts.append(bytes(2 * tarfile.BLOCKSIZE))
    return parts


def _header(entry: Entry) -> tarfile.TarInfo:
    header = tarfile.TarInfo(entry.path)
    header.mode = entry.mode
    header.linkname = entry.link
    header.size = len(entry.content or b"")
    if entry.link:
        header.type = tarfile.SYMTYPE
    elif entry.content is None:
        header.type = tarfile.DIRTYPE
    return header


def _tree(recipe: Recipe) -> list[Entry]:
    return list(_members(recipe))


def _members(recipe: Recipe) -> Iterator[Entry]:
    for directory in DIRECTORIES:
        yield Entry(directory)
    yield Entry("tmp", mode=0o1777)
    for path, target in MERGED.items():
        yield Entry(path, mode=0o777, link=target)
    yield Entry("sbin", mode=0o777, link="bin")
    for path, content in FILES.items():
        yield Entry(path, content, 0o644)
    yield Entry("bin/busybox", recipe.busybox)
    for applet in sorted(set(recipe.applets) - {"busybox"}):
        yield Entry(f"bin/{applet}", mode=0o777, link="busybox")


def _descriptor(media_type: str, blob: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": _digest(blob), "size": len(blob)}


def _digest(blob: bytes) -> str:
    return f"sha256:{hashlib.sha256(blob).hexdigest()}"


def _json(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, sort_keys=True).encode()
