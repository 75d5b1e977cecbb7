"""Two that are measured in turns, and the turn in the middle."""

from collections.abc import Sequence


def middle(ours: Sequence[float], reference: Sequence[float]) -> tuple[float, float]:
    """Give what both took in the turn whose ratio is the median of all (the lower of two).

    A machine's mood lasts for seconds and adds a quarter. Who runs in one turn mostly meets one mood;
    when not, each meets the worse one as often as the other. So the median of the ratios stays where
    it is however long the mood is bad, while a median of one side jumps as soon as half of it is.
    """
    turns = sorted(
        zip(ours, reference, strict=True), key=lambda turn: turn[0] / turn[1]
    )
    return turns[(len(turns) - 1) // 2]
