// A program as a user of the cloud would write it, with the official Go SDK and nothing else: a VCN
// with two subnets, gateways and groups, two instances with secondary VNICs, prefixes of both families,
// many addresses at once. What it saw goes to standard output as JSON; its environment says where:
// OCI_CONFIG, OCI_PROFILE, OCI_ENDPOINT (a client of the real cloud would leave the last one out).
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/core"
	"github.com/oracle/oci-go-sdk/v65/identity"
	"github.com/oracle/oci-go-sdk/v65/workrequests"
)

var (
	ctx         = context.Background()
	endpoint    = os.Getenv("OCI_ENDPOINT")
	compartment string
	domain      string
	network     core.VirtualNetworkClient
	compute     core.ComputeClient
	work        workrequests.WorkRequestClient
	saw         = map[string]any{}
)

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatalf("%v", err)
	}
	return value
}

func connect() {
	provider := must(common.ConfigurationProviderFromFileWithProfile(
		os.Getenv("OCI_CONFIG"), os.Getenv("OCI_PROFILE"), ""))
	compartment = must(provider.TenancyOCID())
	network = must(core.NewVirtualNetworkClientWithConfigurationProvider(provider))
	compute = must(core.NewComputeClientWithConfigurationProvider(provider))
	work = must(workrequests.NewWorkRequestClientWithConfigurationProvider(provider))
	names := must(identity.NewIdentityClientWithConfigurationProvider(provider))
	if endpoint != "" {
		network.Host, compute.Host, work.Host, names.Host = endpoint, endpoint, endpoint, endpoint
	}
	domains := must(names.ListAvailabilityDomains(ctx,
		identity.ListAvailabilityDomainsRequest{CompartmentId: &compartment}))
	domain = *domains.Items[0].Name
}

// until asks again until a thing is as wanted.
func until(what string, there func() bool) {
	for end := time.Now().Add(time.Minute); !there(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			log.Fatalf("%s: not within a minute", what)
		}
	}
}

func text(value string) *string { return &value }

func aVcn() core.Vcn {
	made := must(network.CreateVcn(ctx, core.CreateVcnRequest{
		CreateVcnDetails: core.CreateVcnDetails{
			CompartmentId: &compartment, DisplayName: text("go"), DnsLabel: text("go"),
			CidrBlocks: []string{"10.20.0.0/16"}, IsIpv6Enabled: common.Bool(true)},
		OpcRetryToken: text("go-vcn")}))
	again := must(network.CreateVcn(ctx, core.CreateVcnRequest{
		CreateVcnDetails: core.CreateVcnDetails{
			CompartmentId: &compartment, DisplayName: text("go"), DnsLabel: text("go"),
			CidrBlocks: []string{"10.20.0.0/16"}, IsIpv6Enabled: common.Bool(true)},
		OpcRetryToken: text("go-vcn")}))
	saw["one_vcn_per_token"] = *made.Id == *again.Id
	return made.Vcn
}

func gateways(vcn core.Vcn) (internet, nat string) {
	igw := must(network.CreateInternetGateway(ctx, core.CreateInternetGatewayRequest{
		CreateInternetGatewayDetails: core.CreateInternetGatewayDetails{
			CompartmentId: &compartment, VcnId: vcn.Id, IsEnabled: common.Bool(true)}}))
	out := must(network.CreateNatGateway(ctx, core.CreateNatGatewayRequest{
		CreateNatGatewayDetails: core.CreateNatGatewayDetails{
			CompartmentId: &compartment, VcnId: vcn.Id}}))
	services := must(network.ListServices(ctx, core.ListServicesRequest{}))
	must(network.CreateServiceGateway(ctx, core.CreateServiceGatewayRequest{
		CreateServiceGatewayDetails: core.CreateServiceGatewayDetails{
			CompartmentId: &compartment, VcnId: vcn.Id,
			Services: []core.ServiceIdRequestDetails{{ServiceId: services.Items[0].Id}}}}))
	saw["services"] = len(services.Items)
	return *igw.Id, *out.Id
}

func aTable(vcn core.Vcn, entity string) string {
	made := must(network.CreateRouteTable(ctx, core.CreateRouteTableRequest{
		CreateRouteTableDetails: core.CreateRouteTableDetails{
			CompartmentId: &compartment, VcnId: vcn.Id,
			RouteRules: []core.RouteRule{{
				Destination: text("0.0.0.0/0"), DestinationType: core.RouteRuleDestinationTypeCidrBlock,
				NetworkEntityId: &entity}}}}))
	return *made.Id
}

func aSubnet(vcn core.Vcn, n int, label, table string, private bool, blocks ...string) core.Subnet {
	prefix := strings.Replace(vcn.Ipv6CidrBlocks[0], "00::/56", fmt.Sprintf("%02x::/64", n), 1)
	made := must(network.CreateSubnet(ctx, core.CreateSubnetRequest{
		CreateSubnetDetails: core.CreateSubnetDetails{
			CompartmentId: &compartment, VcnId: vcn.Id, DisplayName: &label, DnsLabel: &label,
			Ipv4CidrBlocks: blocks, Ipv6CidrBlocks: []string{prefix},
			RouteTableId: &table, ProhibitPublicIpOnVnic: &private}}))
	return made.Subnet
}

func aGroup(vcn core.Vcn) string {
	made := must(network.CreateNetworkSecurityGroup(ctx, core.CreateNetworkSecurityGroupRequest{
		CreateNetworkSecurityGroupDetails: core.CreateNetworkSecurityGroupDetails{
			CompartmentId: &compartment, VcnId: vcn.Id}}))
	must(network.AddNetworkSecurityGroupSecurityRules(ctx, core.AddNetworkSecurityGroupSecurityRulesRequest{
		NetworkSecurityGroupId: made.Id,
		AddNetworkSecurityGroupSecurityRulesDetails: core.AddNetworkSecurityGroupSecurityRulesDetails{
			SecurityRules: []core.AddSecurityRuleDetails{{
				Direction: core.AddSecurityRuleDetailsDirectionIngress, Protocol: text("6"),
				Source: made.Id, SourceType: core.AddSecurityRuleDetailsSourceTypeNetworkSecurityGroup,
				TcpOptions: &core.TcpOptions{DestinationPortRange: &core.PortRange{
					Min: common.Int(80), Max: common.Int(443)}}}}}}))
	rules := must(network.ListNetworkSecurityGroupSecurityRules(ctx,
		core.ListNetworkSecurityGroupSecurityRulesRequest{NetworkSecurityGroupId: made.Id}))
	saw["rules"] = len(rules.Items)
	return *made.Id
}

// nodes gives the group of the primary VNICs: what is in it may reach the pods.
func nodes(vcn core.Vcn, pods string) string {
	made := must(network.CreateNetworkSecurityGroup(ctx, core.CreateNetworkSecurityGroupRequest{
		CreateNetworkSecurityGroupDetails: core.CreateNetworkSecurityGroupDetails{
			CompartmentId: &compartment, VcnId: vcn.Id}}))
	added := must(network.AddNetworkSecurityGroupSecurityRules(ctx, core.AddNetworkSecurityGroupSecurityRulesRequest{
		NetworkSecurityGroupId: made.Id,
		AddNetworkSecurityGroupSecurityRulesDetails: core.AddNetworkSecurityGroupSecurityRulesDetails{
			SecurityRules: []core.AddSecurityRuleDetails{{
				Direction: core.AddSecurityRuleDetailsDirectionEgress, Protocol: text("all"),
				Destination: &pods, DestinationType: core.AddSecurityRuleDetailsDestinationTypeNetworkSecurityGroup}}}}))
	saw["rules_of_nodes"] = len(added.SecurityRules)
	return *made.Id
}

func anInstance(name string, subnet core.Subnet, group string) string {
	made := must(compute.LaunchInstance(ctx, core.LaunchInstanceRequest{
		LaunchInstanceDetails: core.LaunchInstanceDetails{
			CompartmentId: &compartment, AvailabilityDomain: &domain, DisplayName: &name,
			Shape:       text("VM.Standard.E4.Flex"),
			ShapeConfig: &core.LaunchInstanceShapeConfigDetails{Ocpus: common.Float32(4)},
			CreateVnicDetails: &core.CreateVnicDetails{
				SubnetId: subnet.Id, HostnameLabel: &name, AssignPublicIp: common.Bool(true),
				AssignIpv6Ip: common.Bool(true), NsgIds: []string{group}}}}))
	until(name, func() bool {
		now := must(compute.GetInstance(ctx, core.GetInstanceRequest{InstanceId: made.Id}))
		return now.LifecycleState == core.InstanceLifecycleStateRunning
	})
	return *made.Id
}

func secondary(instance string, subnet core.Subnet, group string) core.Vnic {
	made := must(compute.AttachVnic(ctx, core.AttachVnicRequest{
		AttachVnicDetails: core.AttachVnicDetails{
			InstanceId: &instance,
			CreateVnicDetails: &core.CreateVnicDetails{
				SubnetId: subnet.Id, NsgIds: []string{group},
				SkipSourceDestCheck: common.Bool(true), AssignPublicIp: common.Bool(false)}}}))
	var vnic string
	until("attachment", func() bool {
		now := must(compute.GetVnicAttachment(ctx,
			core.GetVnicAttachmentRequest{VnicAttachmentId: made.Id}))
		if now.LifecycleState == core.VnicAttachmentLifecycleStateAttached {
			vnic = *now.VnicId
		}
		return vnic != ""
	})
	return must(network.GetVnic(ctx, core.GetVnicRequest{VnicId: &vnic})).Vnic
}

// addresses gives a VNIC a block and some single addresses, the latter by one asynchronous call.
func addresses(vnic core.Vnic) {
	block := must(network.CreatePrivateIp(ctx, core.CreatePrivateIpRequest{
		CreatePrivateIpDetails: core.CreatePrivateIpDetails{
			VnicId: vnic.Id, CidrPrefixLength: common.Int(28)}}))
	saw["block"] = *block.CidrPrefixLength
	prefix := must(network.CreateIpv6(ctx, core.CreateIpv6Request{
		CreateIpv6Details: core.CreateIpv6Details{
			VnicId: vnic.Id, CidrPrefixLength: common.Int(96)}}))
	saw["prefix"] = *prefix.CidrPrefixLength
	items := make([]core.BulkCreatePrivateIpItem, 8)
	bulk := must(network.BulkCreatePrivateIps(ctx, core.BulkCreatePrivateIpsRequest{
		BulkCreatePrivateIpsDetails: core.BulkCreatePrivateIpsDetails{
			VnicId: vnic.Id, BulkCreatePrivateIpItem: items}}))
	until("bulk request", func() bool {
		now := must(work.GetWorkRequest(ctx,
			workrequests.GetWorkRequestRequest{WorkRequestId: bulk.OpcWorkRequestId}))
		return now.Status == workrequests.WorkRequestStatusSucceeded
	})
}

func count(vnic core.Vnic) int {
	total := 0
	for page := (*string)(nil); ; {
		some := must(network.ListPrivateIps(ctx, core.ListPrivateIpsRequest{
			VnicId: vnic.Id, Limit: common.Int(4), Page: page}))
		total += len(some.Items)
		if page = some.OpcNextPage; page == nil {
			return total
		}
	}
}

func refusals(subnet core.Subnet, vnic core.Vnic) {
	_, err := network.DeleteSubnet(ctx, core.DeleteSubnetRequest{SubnetId: subnet.Id})
	if failure, ok := common.IsServiceError(err); ok {
		saw["delete_subnet"] = fmt.Sprint(failure.GetHTTPStatusCode(), " ", failure.GetCode())
	}
	_, err = network.UpdateVnic(ctx, core.UpdateVnicRequest{
		VnicId: vnic.Id, IfMatch: text("stale"),
		UpdateVnicDetails: core.UpdateVnicDetails{DisplayName: text("x")}})
	if failure, ok := common.IsServiceError(err); ok {
		saw["stale_etag"] = fmt.Sprint(failure.GetHTTPStatusCode(), " ", failure.GetCode())
	}
}

func main() {
	log.SetFlags(0)
	connect()
	vcn := aVcn()
	internet, nat := gateways(vcn)
	public := aSubnet(vcn, 0, "public", aTable(vcn, internet), false, "10.20.0.0/24")
	pods := aSubnet(vcn, 1, "pods", aTable(vcn, nat), true, "10.20.16.0/24", "10.20.32.0/20")
	group := aGroup(vcn)
	outer := nodes(vcn, group)
	var vnics []core.Vnic
	for _, name := range []string{"one", "two"} {
		vnics = append(vnics, secondary(anInstance(name, public, outer), pods, group))
	}
	addresses(vnics[0])
	saw["addresses"] = []int{count(vnics[0]), count(vnics[1])}
	refusals(pods, vnics[0])
	must(0, json.NewEncoder(os.Stdout).Encode(saw))
}
