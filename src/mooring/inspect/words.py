"""An audit's outcome in words: text for people, plain data for programs."""

from collections.abc import Iterator, Sequence
from typing import Any

from mooring.core.wiring.audit.difference import Difference, say
from mooring.core.wiring.names import words
from mooring.inspect.audit import Deed, Outcome

Json = dict[str, Any]
WIDTH = 8


def document(outcomes: Sequence[Outcome]) -> Json:
    """Give all of it as plain data."""
    return {
        "clean": not any(outcome.left or outcome.blind for outcome in outcomes),
        "nodes": [_node(outcome) for outcome in outcomes],
    }


def lines(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Give all of it as lines of text."""
    for outcome in outcomes:
        looked = ", ".join(outcome.sides)
        yield f"{outcome.node}: {_count(outcome.found)} between {looked}"
        for side, why in outcome.blind.items():
            yield f"  could not look at {side}: {why}"
        for difference in outcome.found:
            yield from _lines(difference)
        for deed in outcome.deeds:
            yield f"  {_deed(deed)}"
        if outcome.deeds and outcome.left:
            names = ", ".join(f"{d.code} {d.name}" for d in outcome.left)
            yield f"  left: {names}"
        elif any(deed.done for deed in outcome.deeds):
            yield "  nothing is left"


def exit_code(outcomes: Sequence[Outcome]) -> int:
    """Give 0 when all agree, 1 when something is left, 2 when a side was not seen."""
    if any(outcome.blind for outcome in outcomes):
        return 2
    return 1 if any(outcome.left for outcome in outcomes) else 0


def _count(found: Sequence[Difference]) -> str:
    return {0: "no difference", 1: "1 difference"}.get(
        len(found), f"{len(found)} differences"
    )


def _lines(difference: Difference) -> Iterator[str]:
    kind, name = difference.kind, difference.name
    about = name if name.startswith(kind.about) else f"{kind.about} {name}"
    yield f"  {difference.code}: {about}: {kind.what}"
    said = {str(side): text for side, text in difference.says.items()}
    for label, text in {
        **said,
        "cause": difference.cause,
        "remedy": f"{difference.remedy} (by: {difference.by})",
    }.items():
        yield f"    {label:{WIDTH}}{text}"


def _deed(deed: Deed) -> str:
    if deed.refusal:
        return f"refused: {say(deed.act)}: {deed.refusal}"
    return f"{'did' if deed.done else 'would'}: {say(deed.act)}"


def _node(outcome: Outcome) -> Json:
    return {
        "node": outcome.node,
        "looked": [str(side) for side in outcome.sides],
        "blind": {str(side): why for side, why in outcome.blind.items()},
        "differences": [_document(d) for d in outcome.found],
        "repairs": [
            {"act": say(d.act), "done": d.done, "refused": d.refusal}
            for d in outcome.deeds
        ],
        "left": [{"code": str(d.code), "name": d.name} for d in outcome.left],
    }


def _document(difference: Difference) -> Json:
    return {
        "code": str(difference.code),
        "about": difference.kind.about,
        "name": difference.name,
        "attachment": words(difference.holder) if difference.holder else "",
        "what": difference.kind.what,
        "says": {str(side): text for side, text in difference.says.items()},
        "cause": difference.cause,
        "remedy": difference.remedy,
        "by": str(difference.by),
        "repairable": difference.act is not None,
    }
