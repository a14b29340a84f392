"""Chapter 7: what the units of a cell keep in mind while it reads, from runs that ship with the lesson.

Their training takes minutes; it is not done anew for a page. Other runs may stand in their place.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gradlab.lesson import choices, guessed, shipped
from gradlab.lesson.guessed import Guessed
from gradlab.lesson.parts import Chapter, Figure, Strip, Table
from gradlab.lesson.words import number
from gradlab.stats import LEVEL, percent


class Follower(NamedTuple):
    """A label, and the unit that stands highest for it beside its controls."""

    label: str
    unit: str
    score: float
    """From -1 to 1: 2 AUC - 1, or the rank correlation with a count."""
    shifted: float
    untrained: float
    random: float
    above: bool
    used: str
    """`used` where the network is shown to lose bits inside of the label without the unit."""
    inside: float
    """The change of bits per character inside of the label with the unit held at its mean."""


class Reader(NamedTuple):
    """One network, and the text that it reads."""

    name: str
    cell: str
    source: str
    command: str
    hidden: int
    bits: float
    untrained_bits: float
    memory: str
    unread: float
    """Share of the memory's units that are above their controls for no label."""
    followers: tuple[Follower, ...]
    passage: str
    along: tuple[tuple[str, tuple[float, ...]], ...]
    """Of some units, `label, unit`: where their values along the passage lie among all, -1 to 1."""
    guessed: Guessed


class Numbers(NamedTuple):
    """Cells on texts."""

    readers: tuple[Reader, ...]
    ships: bool
    """Whether they are those of the lesson, and not of runs that the reader has named."""


TELLS_RUNS = True
"""Its `measure` takes the folders of runs in the place of what ships."""
MOST = 8


def measure(seed: int, runs: Sequence[Path] = ()) -> Numbers:
    """What ships, or what is in runs of `gradlab neurons`, whatever the seed.

    Raises:
      GradlabError: for runs that cannot be read, or hold more than one cell.
    """
    del seed
    if not runs:
        found = shipped.read()
        pairs = [(name.removeprefix("neurons_"), facts) for name, facts in found.items()]
    else:
        several = len(runs) > 1
        named = [f"text {i}" if several else "this text" for i in range(1, len(runs) + 1)]
        pairs = list(zip(named, shipped.of_runs(runs), strict=True))
    return Numbers(tuple(_reader(name, facts) for name, facts in pairs), ships=not runs)


def _reader(name: str, facts: dict[str, Any]) -> Reader:
    document, passage = facts["document"], facts["passage"]
    (cell,) = document["cells"]
    followers = [_follower(row) for row in document["data"]]
    return Reader(
        name=name,
        cell=cell["cell"],
        source=document["source"],
        command=facts["command"],
        hidden=cell["hidden"],
        memory=cell["memory"],
        **{name: _known(cell[name]) for name in ("bits", "untrained_bits", "unread")},
        followers=tuple(sorted(followers, key=lambda one: (not one.above, -abs(one.score)))),
        passage=passage["text"],
        along=tuple((f"{one['label']}, {one['unit']}", tuple(one["values"])) for one in passage["units"]),
        guessed=guessed.read(facts["guesses"]),
    )


def _follower(row: dict[str, Any]) -> Follower:
    return Follower(**{name: _known(row[name]) for name in Follower._fields})


def _known(value: Any) -> Any:
    """A document's value, where null stands for no number."""
    return math.nan if value is None else value


def tell(numbers: Numbers, seed: int) -> Chapter:
    """The chapter in words."""
    del seed
    readers = numbers.readers
    paragraphs = (
        _opening(readers, numbers.ships),
        "Then we look inside. A unit *follows* a label of the text, such as being inside quotes, if its "
        "value tells where the label is: the score is 0 for a unit that has nothing to do with it, and 1 or "
        "−1 for one that gives it away. (It is 2 AUC − 1; for a count, such as the depth of brackets, the "
        "rank correlation.)",
        "Among many units one looks like a follower by luck. So three controls stand beside each score: what "
        "the best of all units gets for the label *shifted* to other places of the text; the best unit of "
        "networks *before training*, which hear what was just read as a reservoir does; and the best of as "
        "many *random* directions. A unit counts if it is above all three, in the whole text and in each "
        "half.",
    )
    figures = [
        figure
        for reader in readers
        for figure in (
            *guessed.figures(reader.name, reader.command, reader.guessed),
            *_along(reader),
            _table(reader),
        )
    ]
    commands = tuple(reader.command for reader in readers)
    closing = (_closing(readers),)
    return Chapter(
        "What the cells look at", paragraphs, tuple(figures), closing, commands, computed_before=True
    )


def _opening(readers: tuple[Reader, ...], ships: bool) -> str:
    """Which networks, on which texts, and how well they predict these."""
    many = len(readers) > 1
    names = [f"{reader.cell} of {reader.hidden} units on *{reader.source}*" for reader in readers]
    bits = _listed([number(reader.bits) for reader in readers])
    before = _listed([number(reader.untrained_bits) for reader in readers])
    these = f"these {len(readers)} alone were" if many else "this one alone was"
    numbers = "their numbers" if many else "its numbers"
    whence = "ship with the lesson" if ships else f"are read from {'runs' if many else 'a run'}"
    # Minutes are another count of updates on another day.
    exact = all("--updates" in reader.command.split() for reader in readers)
    does = ("compute" if exact else "train") + ("" if many else "s")
    them = "them again" if exact else "for as many minutes"
    commands = f"the command{'s' if many else ''} below {does} {them}"
    return (
        f"What does a memory remember? {'Networks have' if many else 'A network has'} learned to predict the "
        f"next character of a text: {_listed(names)}. On parts that were kept out of the training "
        f"{'they need' if many else 'it needs'} {bits} bits per character; before training it was {before}. "
        f"This takes minutes, so {these} trained before: {numbers} {whence}, and {commands}."
    )


def _closing(readers: tuple[Reader, ...]) -> str:
    """What has no name, and how far this goes beyond these networks."""
    shares = [
        f"{_percent(one.unread)} of the {one.hidden} units of {one.memory} on {one.name}" for one in readers
    ]
    begin = (
        f"Most units have no name: {_listed(shares)} follow none of the labels better than the controls. "
        if min(one.unread for one in readers) > 0.5
        else "Units without a name, which follow none of the labels better than the controls: "
        f"{_listed(shares)}. "
    )
    few = "These are single networks" if len(readers) > 1 else "This is one network"
    return begin + (
        f"{few}; another start may put its memory into other units. A score says that a unit carries a "
        "label; whether the network uses it, only its loss without the unit says."
    )


def _percent(share: float) -> str:
    return f"{number(100 * share)} %"


def _along(reader: Reader) -> list[Figure]:
    """A passage, and some units below it; nothing where no unit is above its controls."""
    if not reader.along:
        return []
    labels = [label.rpartition(", ")[0] for label, _ in reader.along]
    best = [next(one for one in reader.followers if one.label == label) for label in labels]
    said = "; ".join(f"{one.label}: unit {one.unit}, score {number(one.score, 2)}" for one in best)
    figure = Figure(
        f"{reader.name.replace(' ', '-')}-text",
        f"The units that stand highest above their controls, along {len(reader.passage)} characters that the "
        "network was not trained on, from no (blue) to yes (red): where each value lies among all of its "
        "unit",
        f"These {len(best)} units are said to follow {_listed(labels)}. Do you see it, and where do they err?"
        if len(best) > 1
        else f"This unit is said to follow {labels[0]}. Do you see it, and where does it err?",
        Strip(reader.passage, reader.along),
        f"On the whole text, {said}. The passage was chosen by its labels alone.",
        reader.command,
        choices=choices.most(
            "Which label is followed best on the whole text?", {one.label: abs(one.score) for one in best}
        )
        if len(best) > 1
        else None,
    )
    return [figure]


def _table(reader: Reader) -> Figure:
    """Every label beside its controls."""
    above = [one for one in reader.followers if one.above]
    used = [one for one in above if one.used == "used"]
    rows = tuple(
        (
            one.label,
            one.unit,
            *(number(value, 2) for value in (one.score, one.shifted, one.untrained, one.random)),
            "yes" if one.above else "no",
            "–" if math.isnan(one.inside) else number(one.inside, 2),
        )
        for one in reader.followers
    )
    return Figure(
        f"{reader.name.replace(' ', '-')}-labels",
        "The best unit of each label, its controls, and what the network loses inside of the label (bits per "
        "character) with the unit held at its mean",
        f"Which of the {len(rows)} labels does a unit follow that is above all three controls?",
        Table(("label", "unit", "score", "shifted", "untrained", "random", "above", "loss"), rows),
        _answer(above, used, reader),
        reader.command,
        choices=choices.above(
            f"How many of the {len(rows)} labels?",
            len(above) / max(1, len(rows)),
            {"two thirds or more": 2 / 3, "a third or more": 1 / 3, "fewer": 0.0},
        ),
    )


def _answer(above: list[Follower], used: list[Follower], reader: Reader) -> str:
    count = len(reader.followers)
    if not above:
        return f"None of {count}."
    said = f"{len(above)} of {count}: {_listed([one.label for one in above])}. "
    interval = f"{percent(LEVEL)} interval above 0"
    if not used:
        return said + f"That the network uses one of these units is not shown (no {interval})."
    return said + (
        f"Held at its mean, the unit is shown to be missed inside of its label ({interval}) for "
        f"{_listed([one.label for one in used])}"
        + ("." if len(used) == len(above) else "; of the others it is not shown that the network uses them.")
    )


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
