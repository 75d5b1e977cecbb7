"""What instances are given beside size, place and VNIC: checked, kept and shown; nobody here plays it."""

from mooring.core.vcn.api.schema import (
    Field,
    Fields,
    flag,
    group,
    number,
    ocid,
    one_of,
    text,
    unbuilt,
    whole,
)
from mooring.core.vcn.api.schema import listing as list_of

_PLUGIN: Fields = {
    "name": Field(text()),
    "desiredState": Field(one_of("ENABLED", "DISABLED")),
}

_AGENT: Fields = {
    "isMonitoringDisabled": Field(flag),
    "isManagementDisabled": Field(flag),
    "areAllPluginsDisabled": Field(flag),
    "pluginsConfig": Field(list_of(group(_PLUGIN), 0, 64)),
}

_AVAILABILITY: Fields = {
    "isLiveMigrationPreferred": Field(flag),
    "recoveryAction": Field(one_of("RESTORE_INSTANCE", "STOP_INSTANCE")),
}

_VOLUME = Field(one_of("ISCSI", "SCSI", "IDE", "VFIO", "PARAVIRTUALIZED", "NVME"))

_LAUNCH_OPTIONS: Fields = {
    "bootVolumeType": _VOLUME,
    "remoteDataVolumeType": _VOLUME,
    "firmware": Field(one_of("BIOS", "UEFI_64")),
    "networkType": Field(one_of("E1000", "VFIO", "PARAVIRTUALIZED", "ACCELERATEDPV")),
    "isPvEncryptionInTransitEnabled": Field(flag),
    "isEncryptionInTransitEnabled": Field(flag),
    "isConsistentVolumeNamingEnabled": Field(flag),
}

_PLATFORM: Fields = {
    "type": Field(text()),
    **dict.fromkeys(
        (
            *("isSecureBootEnabled", "isTrustedPlatformModuleEnabled"),
            *("isMeasuredBootEnabled", "isMemoryEncryptionEnabled"),
            *("isSymmetricMultiThreadingEnabled", "isAccessControlServiceEnabled"),
            *(
                "areVirtualInstructionsEnabled",
                "isInputOutputMemoryManagementUnitEnabled",
            ),
        ),
        Field(flag),
    ),
    "numaNodesPerSocket": Field(text()),
    "percentageOfCoresEnabled": Field(whole(1, 100)),
    "configMap": Field(unbuilt),
}

_LICENSE: Fields = {
    "type": Field(one_of("WINDOWS")),
    "licenseType": Field(
        one_of("OCI_PROVIDED", "BRING_YOUR_OWN_LICENSE", "PARTNER_PROVIDED")
    ),
}

KEPT: Fields = {
    "agentConfig": Field(group(_AGENT)),
    "availabilityConfig": Field(group(_AVAILABILITY)),
    "instanceOptions": Field(group({"areLegacyImdsEndpointsDisabled": Field(flag)})),
    "launchOptions": Field(group(_LAUNCH_OPTIONS)),
    "platformConfig": Field(group(_PLATFORM)),
    "licensingConfigs": Field(list_of(group(_LICENSE), 0, 8)),
    "isAIEnterpriseEnabled": Field(flag),
}

_NOT_HERE = ("capacityReservationId", "dedicatedVmHostId", "securityAttributes")

NOT_AT_LAUNCH: Fields = dict.fromkeys(
    (
        *_NOT_HERE,
        *("clusterPlacementGroupId", "computeClusterId", "instanceConfigurationId"),
        *("launchVolumeAttachments", "placementConstraintDetails"),
        "preemptibleInstanceConfig",
    ),
    Field(unbuilt),
)

NOT_LATER: Fields = dict.fromkeys(
    (*_NOT_HERE, "sourceDetails", "timeMaintenanceRebootDue"), Field(unbuilt)
)

SHAPE_CONFIG: Fields = {
    "ocpus": Field(number(1, 1024)),
    "vcpus": Field(whole(1, 2048)),
    "memoryInGBs": Field(number(1, 16_384)),
    "baselineOcpuUtilization": Field(
        one_of("BASELINE_1_8", "BASELINE_1_2", "BASELINE_1_1")
    ),
    "nvmes": Field(whole(0, 64)),
    "resourceManagement": Field(one_of("DYNAMIC", "STATIC")),
    "localVolumeSizeInGBs": Field(whole(0, 1 << 20)),
}

SOURCE: Fields = {
    "sourceType": Field(one_of("image", "bootVolume")),
    "imageId": Field(ocid),
    "bootVolumeId": Field(unbuilt),
    "bootVolumeSizeInGBs": Field(whole(50, 32_768)),
    "bootVolumeVpusPerGB": Field(whole(10, 120)),
    "kmsKeyId": Field(ocid),
    "instanceSourceImageFilterDetails": Field(unbuilt),
}
