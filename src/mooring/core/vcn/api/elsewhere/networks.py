"""Of networks (the SDK's `VirtualNetworkClient`)."""

CALLS = """
# Capture filters, VTAPs
POST /captureFilters CreateCaptureFilter
GET /captureFilters ListCaptureFilters
GET /captureFilters/{id} GetCaptureFilter
PUT /captureFilters/{id} UpdateCaptureFilter
DELETE /captureFilters/{id} DeleteCaptureFilter
POST /captureFilters/{id}/actions/changeCompartment ChangeCaptureFilterCompartment
POST /vtaps CreateVtap
GET /vtaps ListVtaps
GET /vtaps/{id} GetVtap
PUT /vtaps/{id} UpdateVtap
DELETE /vtaps/{id} DeleteVtap
POST /vtaps/{id}/actions/changeCompartment ChangeVtapCompartment
# Configuration of CPEs
GET /cpeDeviceShapes ListCpeDeviceShapes
GET /cpeDeviceShapes/{id} GetCpeDeviceShape
GET /cpes/{id}/cpeConfigContent GetCpeDeviceConfigContent
GET /ipsecAlgorithms GetAllowedIkeIpSecParameters
GET /ipsecConnections/{id}/cpeConfigContent GetIpsecCpeDeviceConfigContent
GET /ipsecConnections/{id}/tunnels/{id}/error GetIpSecConnectionTunnelError
GET /ipsecConnections/{id}/tunnels/{id}/tunnelDeviceConfig GetTunnelCpeDeviceConfig
PUT /ipsecConnections/{id}/tunnels/{id}/tunnelDeviceConfig UpdateTunnelCpeDeviceConfig
GET /ipsecConnections/{id}/tunnels/{id}/tunnelDeviceConfig/content GetTunnelCpeDeviceConfigContent
GET /ipsecConnections/{id}/tunnels/{id}/tunnelSecurityAssociations ListIpSecConnectionTunnelSecurityAssociations
# Cross-connects, FastConnect providers
POST /crossConnectGroups CreateCrossConnectGroup
GET /crossConnectGroups ListCrossConnectGroups
GET /crossConnectGroups/{id} GetCrossConnectGroup
PUT /crossConnectGroups/{id} UpdateCrossConnectGroup
DELETE /crossConnectGroups/{id} DeleteCrossConnectGroup
POST /crossConnectGroups/{id}/actions/changeCompartment ChangeCrossConnectGroupCompartment
GET /crossConnectLocations ListCrossConnectLocations
GET /crossConnectPortSpeedShapes ListCrossconnectPortSpeedShapes
POST /crossConnects CreateCrossConnect
GET /crossConnects ListCrossConnects
GET /crossConnects/{id} GetCrossConnect
PUT /crossConnects/{id} UpdateCrossConnect
DELETE /crossConnects/{id} DeleteCrossConnect
POST /crossConnects/{id}/actions/changeCompartment ChangeCrossConnectCompartment
GET /crossConnects/{id}/letterOfAuthority GetCrossConnectLetterOfAuthority
PUT /crossConnects/{id}/letterOfAuthority UpdateCrossConnectLetterOfAuthority
GET /crossConnects/{id}/status GetCrossConnectStatus
GET /fastConnectProviderServices ListFastConnectProviderServices
GET /fastConnectProviderServices/{id} GetFastConnectProviderService
GET /fastConnectProviderServices/{id}/providerRemoteRegions ListProviderRemoteRegions
GET /fastConnectProviderServices/{id}/providerServiceKeys/{id} GetFastConnectProviderServiceKey
GET /fastConnectProviderServices/{id}/virtualCircuitBandwidthShapes ListFastConnectProviderVirtualCircuitBandwidthShapes
POST /virtualCircuits/{id}/actions/bulkAddPublicPrefixes BulkAddVirtualCircuitPublicPrefixes
POST /virtualCircuits/{id}/actions/bulkDeletePublicPrefixes BulkDeleteVirtualCircuitPublicPrefixes
GET /virtualCircuits/{id}/associatedTunnels ListVirtualCircuitAssociatedTunnels
GET /virtualCircuits/{id}/crossConnectMappings ListCrossConnectMappings
GET /virtualCircuits/{id}/publicPrefixes ListVirtualCircuitPublicPrefixes
# NAT policies of DRGs
POST /drgAttachments/{id}/actions/removeDrgNatPolicy RemoveDrgNatPolicy
POST /drgNatPolicies CreateDrgNatPolicy
GET /drgNatPolicies ListDrgNatPolicies
GET /drgNatPolicies/{id} GetDrgNatPolicy
PUT /drgNatPolicies/{id} UpdateDrgNatPolicy
DELETE /drgNatPolicies/{id} DeleteDrgNatPolicy
POST /drgNatPolicies/{id}/actions/addDrgNatRules AddDrgNatRules
POST /drgNatPolicies/{id}/actions/changeCompartment ChangeDrgNatPolicyCompartment
POST /drgNatPolicies/{id}/actions/removeDrgNatRules RemoveDrgNatRules
POST /drgNatPolicies/{id}/actions/updateDrgNatRules UpdateDrgNatRules
GET /drgNatPolicies/{id}/drgNatRules ListDrgNatRules
# Own AS numbers
POST /byoasns CreateByoasn
GET /byoasns ListByoasns
GET /byoasns/{id} GetByoasn
PUT /byoasns/{id} UpdateByoasn
DELETE /byoasns/{id} DeleteByoasn
POST /byoasns/{id}/actions/changeCompartment ChangeByoasnCompartment
POST /byoasns/{id}/actions/validate ValidateByoasn
# Own public addresses
POST /byoipRanges CreateByoipRange
GET /byoipRanges ListByoipRanges
GET /byoipRanges/{id} GetByoipRange
PUT /byoipRanges/{id} UpdateByoipRange
DELETE /byoipRanges/{id} DeleteByoipRange
POST /byoipRanges/{id}/actions/advertise AdvertiseByoipRange
POST /byoipRanges/{id}/actions/changeCompartment ChangeByoipRangeCompartment
POST /byoipRanges/{id}/actions/setOrigin/byoasn SetOriginAsn
POST /byoipRanges/{id}/actions/setOrigin/oracleAsn SetOriginAsnToOracle
POST /byoipRanges/{id}/actions/validate ValidateByoipRange
POST /byoipRanges/{id}/actions/withdraw WithdrawByoipRange
GET /byoipRanges/{id}/byoipAllocatedRanges ListByoipAllocatedRanges
# Pools of public IPs
POST /publicIpPools CreatePublicIpPool
GET /publicIpPools ListPublicIpPools
GET /publicIpPools/{id} GetPublicIpPool
PUT /publicIpPools/{id} UpdatePublicIpPool
DELETE /publicIpPools/{id} DeletePublicIpPool
POST /publicIpPools/{id}/actions/addCapacity AddPublicIpPoolCapacity
POST /publicIpPools/{id}/actions/changeCompartment ChangePublicIpPoolCompartment
POST /publicIpPools/{id}/actions/removeCapacity RemovePublicIpPoolCapacity
# VCNs and subnets
PATCH /subnets/{id} PatchSubnet
PATCH /vcns/{id} PatchVcn
GET /vcns/{id}/dnsResolverAssociation GetVcnDnsResolverAssociation
# VLANs
POST /vlans CreateVlan
GET /vlans ListVlans
GET /vlans/{id} GetVlan
PUT /vlans/{id} UpdateVlan
DELETE /vlans/{id} DeleteVlan
POST /vlans/{id}/actions/changeCompartment ChangeVlanCompartment
"""
