"""containerd's configuration on a node of the lab.

Version 2 of the file, which containerd 1.6 and 1.7 read (and 2.x converts); version 3 for the one
of a cluster, which is 2.4. Where root has
no CAP_SYS_RESOURCE, a sandbox's score for the out-of-memory killer cannot be lowered
and runc dies with "can't get final child's PID from pipe": hence restrict_oom_score_adj.
"""

from dataclasses import dataclass

SOCKET = "/run/containerd/containerd.sock"
CONF_DIR = "/etc/cni/net.d"
TEMPLATE = """\
version = 2
root = "@root@"
state = "/run/containerd"
oom_score = 0
disabled_plugins = [
  "io.containerd.internal.v1.opt",
  "io.containerd.internal.v1.tracing",
  "io.containerd.tracing.processor.v1.otlp",
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
]

[grpc]
  address = "@socket@"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "@image@"
  disable_apparmor = true
  disable_tcp_service = true
  restrict_oom_score_adj = true
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"

  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "@bin_dir@"
    conf_dir = "@conf_dir@"
    max_conf_num = 1
    ip_pref = "cni"

  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "@snapshotter@"
    default_runtime_name = "runc"

    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"

      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
"""


TEMPLATE3 = """\
version = 3
root = "@root@"
state = "/run/containerd"
oom_score = 0
disabled_plugins = [
  "io.containerd.internal.v1.opt",
  "io.containerd.internal.v1.tracing",
  "io.containerd.nri.v1.nri",
  "io.containerd.tracing.processor.v1.otlp",
  "io.containerd.snapshotter.v1.blockfile",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.erofs",
  "io.containerd.snapshotter.v1.zfs",
]

[grpc]
  address = "@socket@"

[plugins."io.containerd.cri.v1.images"]
  snapshotter = "@snapshotter@"

  [plugins."io.containerd.cri.v1.images".pinned_images]
    sandbox = "@image@"

[plugins."io.containerd.cri.v1.runtime"]
  disable_apparmor = true
  restrict_oom_score_adj = true

  [plugins."io.containerd.cri.v1.runtime".cni]
    bin_dirs = ["@bin_dir@"]
    conf_dir = "@conf_dir@"
    max_conf_num = 1
    ip_pref = "cni"

  [plugins."io.containerd.cri.v1.runtime".containerd]
    default_runtime_name = "runc"

    [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"

      [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
        SystemdCgroup = false
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Containerd:
    """What differs between nodes and machines."""

    root: str
    bin_dir: str
    image: str
    snapshotter: str = "overlayfs"


def config(wish: Containerd) -> str:
    """Write the file."""
    return _filled(TEMPLATE, wish)


def config3(wish: Containerd) -> str:
    """Write the file for containerd 2.x."""
    return _filled(TEMPLATE3, wish)


def _filled(template: str, wish: Containerd) -> str:
    text = template
    for name, value in _words(wish).items():
        text = text.replace(f"@{name}@", value)
    return text


def _words(wish: Containerd) -> dict[str, str]:
    return {
        "root": wish.root,
        "bin_dir": wish.bin_dir,
        "image": wish.image,
        "snapshotter": wish.snapshotter,
        "socket": SOCKET,
        "conf_dir": CONF_DIR,
    }


def snapshotter(mounts: str, root: str) -> str:
    """Choose the snapshotter: overlays cannot be stacked on a file system that is one.

    `mounts` is /proc/self/mounts, `root` the directory that holds the snapshots.
    """
    best, kind = "", ""
    for line in mounts.splitlines():
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        place = fields[1].rstrip("/")
        covers = root == place or root.startswith(f"{place}/")
        if covers and len(place) >= len(best):  # a later mount covers an earlier one
            best, kind = place, fields[2]
    return "native" if kind == "overlay" else "overlayfs"
