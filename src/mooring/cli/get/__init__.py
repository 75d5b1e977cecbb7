"""`mooring get`: objects, pools, pods and nodes of a cluster, in kubectl's manner."""

from collections.abc import Iterable, Sequence
from typing import Unpack

import click
from click.shell_completion import CompletionItem

from mooring.adapters.clock import Clock
from mooring.cli.get.completion import names_of, namespaces, nodes
from mooring.cli.get.places import Given, Refusal, opened, place_options
from mooring.cli.main import EqualsCommand
from mooring.core.kube import selector as selectors
from mooring.core.kube.selector import Selector
from mooring.core.npn.fields import Unreadable
from mooring.core.npn.shown.entry import Kind, Wish
from mooring.core.npn.shown.kinds import KINDS, UnknownKind, kind
from mooring.inspect.get import Form, Teller, Unshown

__all__ = ["get"]

INTERRUPTED = 130


class KindWord(click.ParamType[Kind]):
    """A kind by any of its names."""

    name = "kind"

    def convert(
        self,
        value: str | Kind,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Kind:
        """Find the kind; say which one may have been meant."""
        if isinstance(value, Kind):
            return value
        try:
            return kind(value)
        except UnknownKind as why:
            self.fail(str(why), param, ctx)

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        param: click.Parameter,  # noqa: ARG002 - click's signature
        incomplete: str,
    ) -> list[CompletionItem]:
        """Offer the kinds."""
        names = [each.name for each in KINDS if each.name.startswith(incomplete)]
        return [CompletionItem(name) for name in names]


def _selector(_: click.Context, __: click.Parameter, text: str) -> Selector:
    try:
        return selectors.parse(text, "--selector")
    except Unreadable as why:
        raise click.BadParameter(f"{why.value!r}: {why.rule}") from None


def _yaml(document: object) -> str:
    try:
        import yaml  # noqa: PLC0415 - needed for this form only, and not on every node
    except ImportError as why:
        raise Refusal(
            "-o yaml needs the Python package yaml: pip install 'mooring[lab]', or -o json"
        ) from why
    text: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
    return text


@click.command(cls=EqualsCommand)
@click.argument("of", metavar="KIND", type=KindWord())
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=names_of)
@click.option(
    "-o",
    "--output",
    type=click.Choice(["table", "wide", "json", "yaml"]),
    default="table",
    show_default=True,
    help="Form of what is printed.",
)
@click.option("-w", "--watch", is_flag=True, help="Go on, and print what changes.")
@click.option(
    "-l",
    "--selector",
    default="",
    metavar="SELECTOR",
    callback=_selector,
    help="Only what has such labels, e.g. app=web,tier!=test.",
)
@click.option(
    "--node", metavar="NODE", shell_complete=nodes, help="Only what is of this node."
)
@click.option(
    "-n",
    "--namespace",
    metavar="NAME",
    shell_complete=namespaces,
    help="Pods of this namespace.",
)
@click.option("-A", "--all-namespaces", is_flag=True, help="Pods of all namespaces.")
@click.option("--no-headers", is_flag=True, help="Print no heads of columns.")
@place_options
@click.pass_context
def get(  # noqa: PLR0913 - one parameter per option
    ctx: click.Context,
    *,
    of: Kind,
    names: tuple[str, ...],
    output: str,
    watch: bool,
    selector: Selector,
    node: str | None,
    namespace: str | None,
    all_namespaces: bool,
    no_headers: bool,
    **given: Unpack[Given],
) -> None:
    """Show NativePodNetwork objects, pools of addresses, pods or nodes.

    KIND is npn, pools, pods or nodes. A NAME is the thing's; an object and its pool are known
    by their node's name and their instance's OCID as well.
    """
    if namespace is not None and all_namespaces:
        raise click.UsageError("-n and -A: give one of the two")
    with opened(given) as (sights, own_namespace):
        where = None if all_namespaces else namespace or own_namespace
        wish = Wish(names=names, selector=selector, node=node, namespace=where)
        form = Form(
            output=output,
            head=not no_headers,
            namespaces=of.namespaced and all_namespaces,
        )
        teller = Teller(sights, Clock().wall, _yaml)
        show = _follow if watch else _once
        try:
            code = show(teller, of, wish, form)
        except Unshown as why:
            raise Refusal(str(why)) from why
    ctx.exit(code)


def _once(teller: Teller, of: Kind, wish: Wish, form: Form) -> int:
    lines, missing = teller.get(of, wish, form)
    _print(lines)
    _complain(teller.blind.values())
    _miss(of, missing)
    if not lines and not missing:
        within = of.namespaced and wish.namespace is not None
        place = f" in {wish.namespace} namespace." if within else ""
        click.echo(f"No resources found{place}", err=True)
    return 1 if missing else 0


def _follow(teller: Teller, of: Kind, wish: Wish, form: Form) -> int:
    try:
        for turn in teller.watch(of, wish, form):
            _print(turn.lines)
            _complain(turn.warnings)
            _miss(of, turn.missing)
            if turn.missing:
                return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


def _print(lines: Sequence[str]) -> None:
    if lines:
        click.echo("\n".join(lines))


def _complain(warnings: Iterable[str]) -> None:
    """Say what is not known because nobody told, or may no longer be so."""
    for why in warnings:
        click.echo(f"Warning: {why}", err=True)


def _miss(of: Kind, names: Iterable[str]) -> None:
    for name in names:
        click.echo(f'Error: {of.name} "{name}" not found', err=True)
