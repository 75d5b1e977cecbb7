"""Of instance pools (the SDK's `ComputeManagementClient`)."""

CALLS = """
# Cluster networks
POST /clusterNetworks CreateClusterNetwork
GET /clusterNetworks ListClusterNetworks
GET /clusterNetworks/{id} GetClusterNetwork
PUT /clusterNetworks/{id} UpdateClusterNetwork
DELETE /clusterNetworks/{id} TerminateClusterNetwork
POST /clusterNetworks/{id}/actions/changeCompartment ChangeClusterNetworkCompartment
GET /clusterNetworks/{id}/instances ListClusterNetworkInstances
# Instance configurations and pools
POST /instanceConfigurations CreateInstanceConfiguration
GET /instanceConfigurations ListInstanceConfigurations
GET /instanceConfigurations/{id} GetInstanceConfiguration
PUT /instanceConfigurations/{id} UpdateInstanceConfiguration
DELETE /instanceConfigurations/{id} DeleteInstanceConfiguration
POST /instanceConfigurations/{id}/actions/changeCompartment ChangeInstanceConfigurationCompartment
POST /instanceConfigurations/{id}/actions/launch LaunchInstanceConfiguration
POST /instancePools CreateInstancePool
GET /instancePools ListInstancePools
GET /instancePools/{id} GetInstancePool
PUT /instancePools/{id} UpdateInstancePool
DELETE /instancePools/{id} TerminateInstancePool
POST /instancePools/{id}/actions/attachLoadBalancer AttachLoadBalancer
POST /instancePools/{id}/actions/changeCompartment ChangeInstancePoolCompartment
POST /instancePools/{id}/actions/detachInstance DetachInstancePoolInstance
POST /instancePools/{id}/actions/detachLoadBalancer DetachLoadBalancer
POST /instancePools/{id}/actions/reset ResetInstancePool
POST /instancePools/{id}/actions/softreset SoftresetInstancePool
POST /instancePools/{id}/actions/softstop SoftstopInstancePool
POST /instancePools/{id}/actions/start StartInstancePool
POST /instancePools/{id}/actions/stop StopInstancePool
POST /instancePools/{id}/actions/terminationProceed TerminationProceedInstancePoolInstance
POST /instancePools/{id}/instances AttachInstancePoolInstance
GET /instancePools/{id}/instances ListInstancePoolInstances
GET /instancePools/{id}/instances/{id} GetInstancePoolInstance
GET /instancePools/{id}/loadBalancerAttachments/{id} GetInstancePoolLoadBalancerAttachment
"""
