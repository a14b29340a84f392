"""What a network that reads a text expects next, for chapter 7: its guesses, and how often they are right."""

from typing import Any, NamedTuple

from gradlab.lesson import choices
from gradlab.lesson.parts import Figure, Table
from gradlab.lesson.words import number

ORDINALS = ("1st", "2nd", "3rd", "4th", "5th")


class Guess(NamedTuple):
    """What a network expected at one place of the text."""

    before: str
    """The characters read up to there."""
    guesses: tuple[tuple[str, float], ...]
    """The likeliest next characters and their probabilities."""
    came: str
    rank: int
    """Of what came, among all characters."""


class Guessed(NamedTuple):
    """The guesses of one network."""

    shown: tuple[Guess, ...]
    counted: int
    """Characters of the text whose next one was guessed."""
    first: int
    among: int
    """How many of these were the likeliest, and among those that are kept."""


def read(facts: dict[str, Any]) -> Guessed:
    """From what `shipped.guesses` gives."""
    shown = tuple(
        Guess(one["before"], tuple(zip(one["guesses"], one["odds"], strict=True)), one["came"], one["rank"])
        for one in facts["shown"]
    )
    return Guessed(shown, facts["counted"], facts["first"], facts["among"])


def figures(name: str, command: str, found: Guessed) -> list[Figure]:
    """A table of places of the text; none where it is too short for one."""
    if not found.shown:
        return []
    few = len(found.shown[0].guesses)
    rows = tuple(
        (
            visible(one.before),
            visible(one.came),
            str(one.rank),
            *(f"{visible(letter)} {share(odds)}" for letter, odds in one.guesses),
        )
        for one in found.shown
    )
    ranks = [one.rank for one in found.shown]
    within = sum(rank <= few for rank in ranks)
    figure = Figure(
        f"{name.replace(' ', '-')}-guesses",
        f"What the network expects next, at places that follow each other at equal distances: its {few} "
        "likeliest characters and their probabilities, beside the one that came and its rank among all",
        f"Reading {name}: how often is the character that comes the first guess, and how often is it among "
        f"the {few}?",
        Table(("read before", "came", "rank", *ORDINALS[:few]), rows),
        f"Of {found.counted} characters, {number(100 * found.first / found.counted)} % were the first guess "
        f"and {number(100 * found.among / found.counted)} % among the {few}; of the {len(ranks)} shown here, "
        f"{ranks.count(1)} and {within}.",
        command,
        choices=choices.above(
            "How often is it the first guess?",
            found.first / found.counted,
            {"three times in four or more": 0.75, "half of the time or more": 0.5, "less often": 0.0},
        ),
    )
    return [figure]


def share(odds: float) -> str:
    """A probability that is kept with two digits.

    >>> share(0.1), share(0.0)
    ('0.10', '<0.01')
    """
    return f"{odds:.2f}" if odds >= 0.01 else "<0.01"


def visible(text: str) -> str:
    r"""Each character as a sign that can be seen.

    >>> visible("a b\n")
    'a␣b¶'
    """
    return text.replace("\n", "¶").replace("\t", "→").replace(" ", "␣")
