"""What so many seeds can show: of which pairs of arms any outcome at all is rare enough at 5 %."""

import math
from typing import NamedTuple

from gradlab.significance import least_seeds
from gradlab.stats import LEVEL, WRONG
from gradlab.studies.remedies import search
from gradlab.studies.remedies.settings import NONE, Training


class Asked(NamedTuple):
    """Pairs that are judged together."""

    what: str
    pairs: int

    @property
    def seeds(self) -> int:
        """With fewer seeds per arm no outcome tells any of these pairs apart."""
        return least_seeds(self.pairs)


def asked(arms: int, places: int) -> list[Asked]:
    """What a table of so many arms, at so many T and w_rec together, asks: against the plain arm, and all."""
    if arms < 2:
        return []
    found = [Asked(f"an arm from {NONE}", (arms - 1) * places)]
    every = math.comb(arms * places, 2)
    any_two = f"any two {'arms' if places == 1 else 'rows'} apart"
    return [*found, Asked(any_two, every)] if every > found[0].pairs else found


def of(comparison: Training) -> list[Asked]:
    """What the table of a comparison asks."""
    return asked(len(comparison.remedies), len(comparison.T) * len(comparison.w_rec))


def notes(comparison: Training) -> tuple[str, ...]:
    """Which pairs no outcome of so few seeds tells apart, and how many seeds it takes; one note each."""
    seeds = _seeds(comparison.seeds)
    if comparison.longest:
        least = search_seeds(search.most(comparison.T[0], comparison.longest))
        what = f"{seeds} cannot give an interval of the longest T that is learned: it takes {least} seeds"
        return (what,) if comparison.seeds < least else ()
    some = [Asked("which arm takes the least work", math.comb(len(comparison.remedies), 2))]
    return tuple(
        f"{seeds} cannot tell {one.what}: {_counted(one.pairs)} {_take(one.pairs)} {one.seeds} seeds"
        for one in (some if comparison.target else of(comparison))
        if one.pairs
        if comparison.seeds < one.seeds
    )


def said(arms: int, places: int, seeds: int) -> str:
    """The same beside a table, with what can be told; empty where nothing is compared."""
    found = asked(arms, places)
    if not found:
        return ""
    answers = ("yes" if seeds >= one.seeds else f"no, it takes {one.seeds}" for one in found)
    each = "; ".join(
        f"{one.what}, {_counted(one.pairs)}: {answer}" for one, answer in zip(found, answers, strict=True)
    )
    most = most_pairs(seeds)
    among = f"among {_counted(most)} at the most" if most else "for no pair"
    return (
        f"what {_seeds(seeds)} can tell at {100 * WRONG:.0f} %, by Holm's correction: {each} (the clearest "
        f"outcome, all seeds of one arm and no seed of the other, has p = {rarest(seeds):.2g}, enough "
        f"{among})"
    )


def rarest(seeds: int) -> float:
    """The least that `share_test` and `rank_test` can find with so many seeds on each side: all against none.

    2 / C(2 n, n)

    >>> rarest(3), round(rarest(5), 4)
    (0.1, 0.0079)
    """
    return 2 / math.comb(2 * seeds, seeds)


def most_pairs(seeds: int) -> int:
    """Over more comparisons of so many seeds on each side no outcome of one holds by `holm`.

    >>> most_pairs(3), most_pairs(4), most_pairs(5), most_pairs(6)
    (0, 1, 6, 23)
    """
    most = int(WRONG / rarest(seeds))
    # Of two roundings one may fall on the other side.
    return most + (least_seeds(most + 1) <= seeds)


def search_level(tried: int) -> float:
    """The level of the interval at each T of a search that tries so many at the most (Bonferroni)."""
    return 1 - (1 - LEVEL) / tried


def search_seeds(tried: int) -> int:
    """With fewer seeds no outcome at any T gives an end of the interval: 2^(1 - seeds) <= (1 - level).

    >>> search_seeds(1), search_seeds(7)
    (6, 9)
    """
    return math.ceil(1 - math.log2((1 - LEVEL) / tried))


def _seeds(count: int) -> str:
    return f"{count} seed{'s' * (count > 1)}"


def _counted(pairs: int) -> str:
    return f"{pairs} pair{'s' * (pairs > 1)}"


def _take(pairs: int) -> str:
    return "takes" if pairs == 1 else "take"
