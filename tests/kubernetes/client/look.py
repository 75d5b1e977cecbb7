"""Run in the official client's own environment: look at objects and pods of a namespace, print JSON.

The call is `look.py KUBECONFIG NAMESPACE POD`: the pod is awaited by a watch.
"""

import json
import sys

from kubernetes import client, config, watch

GROUP, VERSION, PLURAL = "oci.oraclecloud.com", "v1beta1", "nativepodnetworks"


def main(kubeconfig: str, namespace: str, name: str) -> None:
    """Watch until the pod has its addresses; print it beside all objects."""
    config.load_kube_config(kubeconfig)
    core, objects = client.CoreV1Api(), client.CustomObjectsApi()
    found: list[str] = []
    for event in watch.Watch().stream(
        core.list_namespaced_pod, namespace, timeout_seconds=300
    ):
        pod = event["object"]
        if pod.metadata.name == name and pod.status.pod_ips:
            found = [each.ip for each in pod.status.pod_ips]
            break
    listed = objects.list_cluster_custom_object(GROUP, VERSION, PLURAL)["items"]
    status = objects.get_cluster_custom_object_status(
        GROUP, VERSION, PLURAL, listed[0]["metadata"]["name"]
    )
    definition = client.ApiextensionsV1Api().read_custom_resource_definition(
        f"{PLURAL}.{GROUP}"
    )
    told = {
        "addresses": found,
        "states": {i["metadata"]["name"]: i["status"]["state"] for i in listed},
        "offered": [
            pair
            for item in listed
            for vnic in item["status"]["vnics"]
            for pair in vnic["podAddresses"]
        ],
        "state": status["status"]["state"],
        "short": definition.spec.names.short_names,
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
