"""`mooring permissions`: the policy that the controller needs, as statements to paste."""

import click

from mooring.core.npn.permissions import (
    GROUPS,
    IPV6S,
    NETWORK,
    RIGHTS,
    Right,
    Subject,
    dynamic_group,
    group,
    statements,
    workload,
)


def _subject(_context: click.Context, _option: click.Parameter, value: str) -> Subject:
    kind, _, rest = value.partition(":")
    parts = rest.split("/")
    if kind == "group" and rest:
        return group(rest)
    if kind == "dynamic-group" and rest:
        return dynamic_group(rest)
    if kind == "workload" and len(parts) == 3 and all(parts):
        return workload(*parts)
    raise click.BadParameter(
        f"{value!r} is not group:NAME, dynamic-group:NAME"
        " or workload:NAMESPACE/SERVICEACCOUNT/CLUSTER-OCID"
    )


@click.command()
@click.option(
    "--for",
    "subject",
    default="dynamic-group:mooring-controller",
    show_default=True,
    callback=_subject,
    metavar="WHO",
    help="group:NAME, dynamic-group:NAME or workload:NAMESPACE/SERVICEACCOUNT/CLUSTER.",
)
@click.option(
    "--nodes",
    required=True,
    metavar="COMPARTMENT",
    help="Compartment of the instances: name, path or OCID; a tenancy's OCID for all.",
)
@click.option(
    "--network",
    metavar="COMPARTMENT",
    help="Compartment of the subnets and groups; without it that of the instances.",
)
@click.option(
    "--without",
    multiple=True,
    type=click.Choice([IPV6S, GROUPS]),
    help="Leave out what is not used: pods without IPv6, VNICs without groups.",
)
@click.option("--calls", is_flag=True, help="Tell what each call needs instead.")
def permissions(
    subject: Subject,
    nodes: str,
    network: str | None,
    without: tuple[str, ...],
    *,
    calls: bool,
) -> None:
    """Print the statements of the policy that the controller needs.

    They are the smallest that do; nothing here asks the cloud.
    """
    if calls:
        for call, rights in RIGHTS.items():
            click.echo(f"{call:<22}{', '.join(_word(r) for r in rights) or 'nothing'}")
        return
    for line in statements(subject, nodes, network or nodes, without):
        click.echo(line)


def _word(right: Right) -> str:
    where = "network" if right.place == NETWORK else "nodes"
    return f"{right.verb} {right.resource}{'*' if right.only else ''} ({where})"
