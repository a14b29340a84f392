"""One table for all places of a comparison: who solved the task where, each arm in a line."""

import math
import textwrap
from collections.abc import Sequence

from gradlab.escaping import plain
from gradlab.quantities import cut
from gradlab.studies.remedies.rows import ArmRow
from gradlab.studies.remedies.sentences import PLAIN
from gradlab.studies.remedies.separation import MOST, kind, of_places, told_from_plain

NAME, WIDE = 23, 14


def lines(rows: Sequence[ArmRow], width: int) -> list[str]:
    """Seeds that solved the task, arm by place; a sign where an arm is told from the plain one.

    Above stands the transport of the plain arm before training, below what each place says in words. Empty
    for one place, where there are too many, and of a search, whose arms have T of their own.
    """
    places = list(dict.fromkeys((row.T, row.w_rec) for row in rows))
    by = {(row.arm, row.T, row.w_rec): row for row in rows}
    if not 1 < len(places) <= MOST or rows[0].most:
        return []
    told, heads = told_from_plain(rows), [by.get((PLAIN, *place)) for place in places]
    kinds = ["" if row is None else kind(row.kept) for row in heads]
    found = ["", *([_line("", [f"{name} " for name in kinds])] if any(kinds) else [])]
    found.append(_line("seeds that solved it", [f"{_where(place, places)} " for place in places]))
    found.append(_line("transport at the start", [_kept(row) for row in heads]))
    for arm in dict.fromkeys(row.arm for row in rows):
        some = [by[arm, *place] for place in places]
        counts = [f"{row.solved.successes}/{row.solved.of}" for row in some]
        signs = [{True: "+", False: "-", None: " "}[told.get((arm, *place))] for place in places]
        found.append(_line(plain(arm), [c + sign for c, sign in zip(counts, signs, strict=True)]))
    if told:
        found.append("+, -: better and worse than the plain arm, as the sentences below say")
    for said in of_places(rows):
        found += textwrap.wrap(plain(said), width, subsequent_indent="  ")
    return [*found, ""]


def _where(place: tuple[int, float], places: Sequence[tuple[int, float]]) -> str:
    T, w_rec = place
    names = [f"T={T}"] if len({T for T, _ in places}) > 1 else []
    names += [f"w_rec={w_rec:g}"] if len({w for _, w in places}) > 1 else []
    return " ".join(names)


def _line(name: str, cells: Sequence[str]) -> str:
    return (f"{cut(name, NAME):<{NAME}}" + "".join(f"{cell:>{WIDE}}" for cell in cells)).rstrip()


def _kept(row: ArmRow | None) -> str:
    """The transport over T steps of the plain arm before training."""
    if row is None or math.isnan(row.kept):
        return "- "
    return "0 " if math.isinf(row.kept) else f"10^{row.kept:+.1f} "
