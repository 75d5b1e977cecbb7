#!/usr/bin/env bash
# A script as a user of the cloud would write it, with the official `oci` command and nothing else: a VCN
# with two subnets, gateways and rules, two instances with secondary VNICs, prefixes of both families, many
# addresses at once. Prints what it saw, a line each.
#
#   network.sh COMPARTMENT DOMAIN     with the options of `oci` (profile, endpoint) in OCI_ARGS
set -euo pipefail
compartment=$1 domain=$2
read -ra args <<<"${OCI_ARGS:-}"
call() { oci "${args[@]}" "$@"; }
id() { call "$@" --query data.id --raw-output; }

vcn=$(id network vcn create --compartment-id "$compartment" --cidr-blocks '["10.30.0.0/16"]' \
  --display-name cli --dns-label cli --is-ipv6-enabled true --wait-for-state AVAILABLE --wait-interval-seconds 1)
prefix=$(call network vcn get --vcn-id "$vcn" --query 'data."ipv6-cidr-blocks"[0]' --raw-output)
igw=$(id network internet-gateway create --compartment-id "$compartment" --vcn-id "$vcn" --is-enabled true)
nat=$(id network nat-gateway create --compartment-id "$compartment" --vcn-id "$vcn")
service=$(call network service list --query 'data[0].id' --raw-output)
id network service-gateway create --compartment-id "$compartment" --vcn-id "$vcn" \
  --services "[{\"serviceId\": \"$service\"}]" >/dev/null
table() {
  id network route-table create --compartment-id "$compartment" --vcn-id "$vcn" --route-rules \
    "[{\"destination\": \"0.0.0.0/0\", \"destinationType\": \"CIDR_BLOCK\", \"networkEntityId\": \"$1\"}]"
}
public=$(id network subnet create --compartment-id "$compartment" --vcn-id "$vcn" --cidr-block 10.30.0.0/24 \
  --display-name public --dns-label public --route-table-id "$(table "$igw")")
pods=$(id network subnet create --compartment-id "$compartment" --vcn-id "$vcn" \
  --ipv4-cidr-blocks '["10.30.16.0/24", "10.30.32.0/20"]' --display-name pods --dns-label pods \
  --ipv6-cidr-block "${prefix%/56}/64" --route-table-id "$(table "$nat")" --prohibit-public-ip-on-vnic true)
nsg=$(id network nsg create --compartment-id "$compartment" --vcn-id "$vcn" --display-name pods)
call network nsg rules add --nsg-id "$nsg" --security-rules "[{\"direction\": \"INGRESS\", \"protocol\": \"6\",
  \"source\": \"$nsg\", \"sourceType\": \"NETWORK_SECURITY_GROUP\",
  \"tcpOptions\": {\"destinationPortRange\": {\"min\": 80, \"max\": 443}}}]" >/dev/null
echo "rules $(call network nsg rules list --nsg-id "$nsg" --query 'length(data)')"

for name in one two; do
  instance=$(id compute instance launch --compartment-id "$compartment" --availability-domain "$domain" \
    --display-name "$name" --shape VM.Standard.E4.Flex --shape-config '{"ocpus": 4}' --subnet-id "$public" \
    --image-id ocid1.image.oc1..none --wait-for-state RUNNING --wait-interval-seconds 1)
  call compute instance attach-vnic --instance-id "$instance" --subnet-id "$pods" --nsg-ids "[\"$nsg\"]" \
    --skip-source-dest-check true --assign-public-ip false --wait >/dev/null
done
vnic=$(call compute instance list-vnics --instance-id "$instance" \
  --query "data[?\"is-primary\"==\`false\`].id | [0]" --raw-output)
call network private-ip create --vnic-id "$vnic" --cidr-prefix-length 28 >/dev/null
echo "prefix /$(call network ipv6 create --vnic-id "$vnic" --cidr-prefix-length 96 --query 'data."cidr-prefix-length"')"
bulk=$(call network private-ip bulk-create --vnic-id "$vnic" \
  --bulk-create-private-ip-item '[{}, {}, {}, {}]' --query '"opc-work-request-id"' --raw-output)
until [ "$(call work-requests work-request get --work-request-id "$bulk" --query data.status --raw-output)" = SUCCEEDED ]; do
  sleep 0.2
done
echo "addresses $(call network private-ip list --vnic-id "$vnic" --all --query 'length(data)')"
call network subnet delete --subnet-id "$pods" --force 2>&1 | grep -o '"status": 409' || true
