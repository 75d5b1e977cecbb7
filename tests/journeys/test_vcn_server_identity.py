"""Somebody new on a team, by the official SDK: a user, a key, a policy, a compartment; and all of it taken away."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import oci
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from journeys.local_vcn import LocalVcn, local_vcn
from oci.core import VirtualNetworkClient
from oci.core import models as core
from oci.exceptions import ServiceError
from oci.identity import IdentityClient
from oci.identity import IdentityClientCompositeOperations as Composite
from oci.identity import models as m
from oci.pagination import list_call_get_all_results as everything


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalVcn]:
    with local_vcn(tmp_path_factory.mktemp("identity")) as vcn:
        yield vcn


def refusal(call: Any, *words: Any, **names: Any) -> tuple[int, str]:
    with pytest.raises(ServiceError) as fault:
        call(*words, **names)
    return fault.value.status, fault.value.code


def new_key(path: Path) -> str:
    """Write a private key into a file; give the public half."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return public.decode()


def test_a_colleague_may_do_what_the_policy_says(
    server: LocalVcn, tmp_path: Path
) -> None:
    config = oci.config.from_file(str(server.config_file))
    home = config["tenancy"]
    admin = server.client(IdentityClient)
    team = admin.create_compartment(
        m.CreateCompartmentDetails(compartment_id=home, name="team", description="Team")
    ).data
    user = admin.create_user(
        m.CreateUserDetails(compartment_id=home, name="ann", description="Ann")
    ).data
    group = admin.create_group(
        m.CreateGroupDetails(compartment_id=home, name="builders", description="Build")
    ).data
    membership = admin.add_user_to_group(
        m.AddUserToGroupDetails(user_id=user.id, group_id=group.id)
    ).data
    public = new_key(tmp_path / "ann.pem")
    key = admin.upload_api_key(user.id, m.CreateApiKeyDetails(key=public)).data
    profile = {
        **config,
        "user": user.id,
        "fingerprint": key.fingerprint,
        "key_file": str(tmp_path / "ann.pem"),
    }
    ann = server.client(VirtualNetworkClient, profile)
    details = core.CreateVcnDetails(compartment_id=team.id, cidr_blocks=["10.0.0.0/16"])
    hidden = (404, "NotAuthorizedOrNotFound")

    assert refusal(ann.create_vcn, details) == hidden
    assert refusal(ann.list_vcns, team.id) == hidden

    policy = admin.create_policy(
        m.CreatePolicyDetails(
            compartment_id=home,
            name="builders",
            description="What builders may do",
            statements=[
                "Allow group builders to manage virtual-network-family in compartment team"
            ],
        )
    ).data
    vcn = ann.create_vcn(details).data
    assert [v.id for v in everything(ann.list_vcns, team.id).data] == [vcn.id]
    assert refusal(ann.list_vcns, home) == hidden
    elsewhere = core.CreateVcnDetails(compartment_id=home, cidr_blocks=["10.1.0.0/16"])
    assert refusal(ann.create_vcn, elsewhere) == hidden

    admin.update_policy(
        policy.id,
        m.UpdatePolicyDetails(
            statements=["Allow group builders to inspect vcns in compartment team"]
        ),
    )
    assert ann.get_vcn(vcn.id).data.id == vcn.id
    assert refusal(ann.delete_vcn, vcn.id) == hidden

    admin.delete_policy(policy.id)
    assert refusal(ann.get_vcn, vcn.id) == hidden
    admin.remove_user_from_group(membership.id)
    admin.delete_api_key(user.id, key.fingerprint)
    assert refusal(ann.get_vcn, vcn.id) == (401, "NotAuthenticated")
    admin.delete_user(user.id)
    admin.delete_group(group.id)

    ended = Composite(admin).delete_compartment_and_wait_for_state(
        team.id, ["FAILED"], waiter_kwargs={"max_interval_seconds": 1}
    )
    assert ended.data.status == "FAILED"
    server.network.delete_vcn(vcn.id)
    ended = Composite(admin).delete_compartment_and_wait_for_state(
        team.id, ["SUCCEEDED"], waiter_kwargs={"max_interval_seconds": 1}
    )
    assert ended.data.status == "SUCCEEDED"
    assert admin.get_compartment(team.id).data.lifecycle_state == "DELETED"


def test_the_tenancy_and_those_who_made_it(server: LocalVcn) -> None:
    config = oci.config.from_file(str(server.config_file))
    home = config["tenancy"]
    admin = server.client(IdentityClient)

    assert admin.get_tenancy(home).data.id == home
    assert admin.get_compartment(home).data.id == home
    assert config["user"] in [u.id for u in everything(admin.list_users, home).data]
    assert admin.get_user(config["user"]).data.lifecycle_state == "ACTIVE"
    groups = everything(admin.list_groups, home, name="Administrators").data
    assert len(groups) == 1
    (region,) = admin.list_region_subscriptions(home).data
    assert (region.region_name, region.is_home_region) == (config["region"], True)
    assert admin.list_regions().data[0].key == region.region_key
    domain = admin.list_availability_domains(home).data[0].name
    assert len(admin.list_fault_domains(home, domain).data) == 3
    tree = everything(
        admin.list_compartments,
        home,
        compartment_id_in_subtree=True,
        access_level="ANY",
        sort_by="NAME",
    ).data
    assert all(c.compartment_id for c in tree)


def test_a_wrong_statement_and_a_wrong_rule_are_told(server: LocalVcn) -> None:
    home = oci.config.from_file(str(server.config_file))["tenancy"]
    admin = server.client(IdentityClient)
    policy = m.CreatePolicyDetails(
        compartment_id=home,
        name="wrong",
        description="wrong",
        statements=["Allow group Administrators to drive vcns in tenancy"],
    )
    group = m.CreateDynamicGroupDetails(
        compartment_id=home, name="wrong", description="wrong", matching_rule="nonsense"
    )

    with pytest.raises(ServiceError, match=r"statements\[0\].*character 31"):
        admin.create_policy(policy)
    with pytest.raises(ServiceError, match=r"matchingRule.*character 1"):
        admin.create_dynamic_group(group)
