"""Compartments, users with keys, groups, policies, the tenancy; made, changed and taken away."""

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from journeys.vcn_stories.scene import DOMAIN, Scene
from oci.identity import models as m


def tell(scene: Scene) -> None:
    tenancy(scene)
    compartments(scene)
    user = users(scene)
    groups(scene, user)
    dynamic_groups(scene)
    policies(scene)
    scene.identity.delete_user(user.id)


def named(scene: Scene, name: str) -> dict[str, str]:
    return {"compartment_id": scene.home, "name": name, "description": name}


def tenancy(scene: Scene) -> None:
    identity, home = scene.identity, scene.home
    assert identity.get_tenancy(home).data.id == home
    (region,) = identity.list_region_subscriptions(home).data
    assert region.region_name in [one.name for one in identity.list_regions().data]
    domains = [one.name for one in identity.list_availability_domains(home).data]
    assert DOMAIN in domains
    assert len(identity.list_fault_domains(home, DOMAIN).data) == 3


def compartments(scene: Scene) -> None:
    identity = scene.identity
    made = identity.create_compartment(
        m.CreateCompartmentDetails(**named(scene, "docks"))
    ).data
    identity.update_compartment(
        made.id, m.UpdateCompartmentDetails(description="Where ships lie")
    )
    assert identity.get_compartment(made.id).data.description == "Where ships lie"
    listed = identity.list_compartments(scene.home, name="docks").data
    assert [one.id for one in listed] == [made.id]
    there = m.MoveCompartmentDetails(target_compartment_id=scene.elsewhere)
    identity.move_compartment(made.id, there)
    moved = identity.get_compartment(made.id).data
    assert moved.compartment_id == scene.elsewhere
    identity.delete_compartment(made.id)


def users(scene: Scene) -> m.User:
    identity = scene.identity
    user = identity.create_user(m.CreateUserDetails(**named(scene, "ann"))).data
    identity.update_user(user.id, m.UpdateUserDetails(description="Pilot"))
    assert identity.get_user(user.id).data.description == "Pilot"
    assert user.id in [one.id for one in identity.list_users(scene.home).data]
    pair = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = pair.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    key = identity.upload_api_key(
        user.id, m.CreateApiKeyDetails(key=public.decode())
    ).data
    listed = identity.list_api_keys(user.id).data
    assert [one.fingerprint for one in listed] == [key.fingerprint]
    identity.delete_api_key(user.id, key.fingerprint)
    return user


def groups(scene: Scene, user: m.User) -> None:
    identity = scene.identity
    group = identity.create_group(m.CreateGroupDetails(**named(scene, "pilots"))).data
    identity.update_group(group.id, m.UpdateGroupDetails(description="Pilots"))
    assert identity.get_group(group.id).data.description == "Pilots"
    assert group.id in [one.id for one in identity.list_groups(scene.home).data]
    member = identity.add_user_to_group(
        m.AddUserToGroupDetails(user_id=user.id, group_id=group.id)
    ).data
    assert identity.get_user_group_membership(member.id).data.user_id == user.id
    listed = identity.list_user_group_memberships(scene.home, group_id=group.id).data
    assert [one.id for one in listed] == [member.id]
    identity.remove_user_from_group(member.id)
    identity.delete_group(group.id)


def dynamic_groups(scene: Scene) -> None:
    identity = scene.identity
    rule = f"instance.compartment.id = '{scene.home}'"
    group = identity.create_dynamic_group(
        m.CreateDynamicGroupDetails(**named(scene, "nodes"), matching_rule=rule)
    ).data
    identity.update_dynamic_group(
        group.id, m.UpdateDynamicGroupDetails(description="Nodes")
    )
    assert identity.get_dynamic_group(group.id).data.description == "Nodes"
    listed = identity.list_dynamic_groups(scene.home).data
    assert [one.id for one in listed] == [group.id]
    identity.delete_dynamic_group(group.id)


def policies(scene: Scene) -> None:
    identity = scene.identity
    first = "Allow any-user to inspect vcns in tenancy"
    policy = identity.create_policy(
        m.CreatePolicyDetails(**named(scene, "sight"), statements=[first])
    ).data
    second = "Allow any-user to read vcns in tenancy"
    identity.update_policy(policy.id, m.UpdatePolicyDetails(statements=[second]))
    assert identity.get_policy(policy.id).data.statements == [second]
    listed = identity.list_policies(scene.home).data
    assert [one.id for one in listed] == [policy.id]
    identity.delete_policy(policy.id)
