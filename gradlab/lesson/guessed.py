"""What a network that reads a text expects next, for chapter 7: its guesses, and how often they are right."""

from typing import Any, NamedTuple

from gradlab.lesson import choices
from gradlab.lesson.languages import ENGLISH, Language
from gradlab.lesson.parts import Figure, Table

PLACES = ("first", "second", "third", "fourth", "fifth")


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


def figures(name: str, said: str, command: str, found: Guessed, language: Language = ENGLISH) -> list[Figure]:
    """A table of places of the text, which is called `name` in ids and `said` in words.

    There is none where it is too short for one.
    """
    if not found.shown:
        return []
    say = language.of("guessed")
    few = len(found.shown[0].guesses)
    rows = tuple(
        (
            visible(one.before),
            visible(one.came),
            str(one.rank),
            *(f"{visible(letter)} {say.language.written(share(odds))}" for letter, odds in one.guesses),
        )
        for one in found.shown
    )
    ranks = [one.rank for one in found.shown]
    figure = Figure(
        f"{name.replace(' ', '-')}-guesses",
        say("title", few=few),
        say("question", text=said, few=few),
        Table((say("before"), say("came"), say("rank"), *(say(place) for place in PLACES[:few])), rows),
        say(
            "answer",
            counted=found.counted,
            first=100 * found.first / found.counted,
            among=100 * found.among / found.counted,
            few=few,
            shown=len(ranks),
            shown_first=ranks.count(1),
            shown_among=sum(rank <= few for rank in ranks),
        ),
        command,
        choices=choices.above(
            say("asked"),
            found.first / found.counted,
            {say("three_in_four"): 0.75, say("half"): 0.5, say("less"): 0.0},
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
