"""The messages of the Container Runtime Interface (CRI v1) as a table: what we send or read.

Numbers are those of the API's own description (k8s.io/cri-api,
pkg/apis/runtime/v1/api.proto).
"""

PACKAGE = "runtime.v1"

# message -> field -> (number, type). A type is a scalar, "*scalar" for a list of them,
# "map" for map<string, string>, a message's name or "*Message".
MESSAGES: dict[str, dict[str, tuple[int, str]]] = {
    "PodSandboxMetadata": {
        "name": (1, "string"),
        "uid": (2, "string"),
        "namespace": (3, "string"),
        "attempt": (4, "uint32"),
    },
    "NamespaceOption": {"network": (1, "int32"), "pid": (2, "int32")},
    "LinuxSandboxSecurityContext": {"namespace_options": (1, "NamespaceOption")},
    "LinuxPodSandboxConfig": {
        "cgroup_parent": (1, "string"),
        "security_context": (2, "LinuxSandboxSecurityContext"),
    },
    "PodSandboxConfig": {
        "metadata": (1, "PodSandboxMetadata"),
        "hostname": (2, "string"),
        "log_directory": (3, "string"),
        "labels": (6, "map"),
        "annotations": (7, "map"),
        "linux": (8, "LinuxPodSandboxConfig"),
    },
    "RunPodSandboxRequest": {
        "config": (1, "PodSandboxConfig"),
        "runtime_handler": (2, "string"),
    },
    "RunPodSandboxResponse": {"pod_sandbox_id": (1, "string")},
    "StopPodSandboxRequest": {"pod_sandbox_id": (1, "string")},
    "StopPodSandboxResponse": {},
    "RemovePodSandboxRequest": {"pod_sandbox_id": (1, "string")},
    "RemovePodSandboxResponse": {},
    "PodSandboxStatusRequest": {
        "pod_sandbox_id": (1, "string"),
        "verbose": (2, "bool"),
    },
    "PodIP": {"ip": (1, "string")},
    "PodSandboxNetworkStatus": {"ip": (1, "string"), "additional_ips": (2, "*PodIP")},
    "Namespace": {"options": (2, "NamespaceOption")},
    "LinuxPodSandboxStatus": {"namespaces": (1, "Namespace")},
    "PodSandboxStatus": {
        "id": (1, "string"),
        "state": (3, "int32"),
        "network": (5, "PodSandboxNetworkStatus"),
        "linux": (6, "LinuxPodSandboxStatus"),
    },
    "PodSandboxStatusResponse": {"status": (1, "PodSandboxStatus"), "info": (2, "map")},
    "PodSandboxFilter": {"id": (1, "string"), "label_selector": (3, "map")},
    "ListPodSandboxRequest": {"filter": (1, "PodSandboxFilter")},
    "PodSandbox": {
        "id": (1, "string"),
        "metadata": (2, "PodSandboxMetadata"),
        "state": (3, "int32"),
        "labels": (5, "map"),
    },
    "ListPodSandboxResponse": {"items": (1, "*PodSandbox")},
    "ImageSpec": {"image": (1, "string")},
    "Mount": {
        "container_path": (1, "string"),
        "host_path": (2, "string"),
        "readonly": (3, "bool"),
    },
    "ContainerMetadata": {"name": (1, "string"), "attempt": (2, "uint32")},
    "LinuxContainerSecurityContext": {"namespace_options": (3, "NamespaceOption")},
    "LinuxContainerConfig": {"security_context": (2, "LinuxContainerSecurityContext")},
    "ContainerConfig": {
        "metadata": (1, "ContainerMetadata"),
        "image": (2, "ImageSpec"),
        "command": (3, "*string"),
        "mounts": (7, "*Mount"),
        "labels": (9, "map"),
        "linux": (15, "LinuxContainerConfig"),
    },
    "CreateContainerRequest": {
        "pod_sandbox_id": (1, "string"),
        "config": (2, "ContainerConfig"),
        "sandbox_config": (3, "PodSandboxConfig"),
    },
    "CreateContainerResponse": {"container_id": (1, "string")},
    "StartContainerRequest": {"container_id": (1, "string")},
    "StartContainerResponse": {},
    "ContainerFilter": {"pod_sandbox_id": (3, "string")},
    "ListContainersRequest": {"filter": (1, "ContainerFilter")},
    "Container": {
        "id": (1, "string"),
        "pod_sandbox_id": (2, "string"),
        "state": (6, "int32"),
    },
    "ListContainersResponse": {"containers": (1, "*Container")},
    "ExecSyncRequest": {
        "container_id": (1, "string"),
        "cmd": (2, "*string"),
        "timeout": (3, "int64"),
    },
    "ExecSyncResponse": {
        "stdout": (1, "bytes"),
        "stderr": (2, "bytes"),
        "exit_code": (3, "int32"),
    },
    "StatusRequest": {"verbose": (1, "bool")},
    "RuntimeCondition": {
        "type": (1, "string"),
        "status": (2, "bool"),
        "reason": (3, "string"),
        "message": (4, "string"),
    },
    "RuntimeStatus": {"conditions": (1, "*RuntimeCondition")},
    "StatusResponse": {"status": (1, "RuntimeStatus")},
    "ImageStatusRequest": {"image": (1, "ImageSpec")},
    "Image": {"id": (1, "string")},
    "ImageStatusResponse": {"image": (1, "Image")},
}
