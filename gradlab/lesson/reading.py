"""Chapter 7: what the units of an LSTM keep in mind while it reads, from runs that ship with the lesson.

Their training takes minutes; it is not done anew for a page.
"""

import math
from typing import Any, NamedTuple

from gradlab.lesson import shipped
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


class Numbers(NamedTuple):
    """The same cell on two texts."""

    code: Reader
    prose: Reader


def measure(seed: int) -> Numbers:
    """What ships, whatever the seed."""
    del seed
    found = shipped.read()
    return Numbers(*(_reader(found[name]) for name in ("neurons_code", "neurons_prose")))


def _reader(facts: dict[str, Any]) -> Reader:
    document, passage = facts["document"], facts["passage"]
    (cell,) = document["cells"]
    followers = [_follower(row) for row in document["data"]]
    return Reader(
        source=document["source"],
        command=facts["command"],
        **{name: cell[name] for name in ("hidden", "bits", "untrained_bits", "memory", "unread")},
        followers=tuple(sorted(followers, key=lambda one: (not one.above, -abs(one.score)))),
        passage=passage["text"],
        along=tuple((f"{one['label']}, {one['unit']}", tuple(one["values"])) for one in passage["units"]),
    )


def _follower(row: dict[str, Any]) -> Follower:
    known: dict[str, Any] = {name: math.nan if row[name] is None else row[name] for name in Follower._fields}
    return Follower(**known)


def tell(numbers: Numbers, seed: int) -> Chapter:
    """The chapter in words."""
    del seed
    code, prose = numbers
    paragraphs = (
        f"What does a memory remember? Two LSTMs of {_both(code.hidden, prose.hidden)} units have learned to "
        f"predict the next character of a text: one of *{code.source}*, one of *{prose.source}*. On parts "
        f"that were kept out of the training they need {number(code.bits)} and {number(prose.bits)} bits per "
        f"character; before training it was {number(code.untrained_bits)} and "
        f"{number(prose.untrained_bits)}. This takes minutes, so these two alone were trained before: their "
        "numbers ship with the lesson, and the commands below compute them again.",
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
    figures = (
        _along("code", code),
        _table("code", code),
        _along("prose", prose),
        _table("prose", prose),
    )
    closing = (
        f"Most units have no name: {_percent(code.unread)} of the {code.hidden} units of {code.memory} on "
        f"code, and {_percent(prose.unread)} of {prose.hidden} on prose, follow none of the labels better "
        "than the controls. "
        if min(code.unread, prose.unread) > 0.5
        else f"Units without a name, which follow none of the labels better than the controls: "
        f"{_percent(code.unread)} of the {code.hidden} units of {code.memory} on code, "
        f"{_percent(prose.unread)} of {prose.hidden} on prose. "
    ) + (
        "These are two networks, one of each; another start may put its memory into other units. A score "
        "says that a unit carries a label; whether the network uses it, only its loss without the unit says."
    )
    commands = (code.command, prose.command)
    return Chapter("What the cells look at", paragraphs, figures, (closing,), commands, is_shipped=True)


def _both(first: int, second: int) -> str:
    return str(first) if first == second else f"{first} and {second}"


def _percent(share: float) -> str:
    return f"{number(100 * share)} %"


def _along(name: str, reader: Reader) -> Figure:
    """A passage, and some units below it."""
    labels = [label.rpartition(", ")[0] for label, _ in reader.along]
    best = [next(one for one in reader.followers if one.label == label) for label in labels]
    said = "; ".join(f"{one.label}: unit {one.unit}, score {number(one.score, 2)}" for one in best)
    return Figure(
        f"{name}-text",
        f"The units that stand highest above their controls, along {len(reader.passage)} characters that the "
        "network was not trained on, from no (blue) to yes (red): where each value lies among all of its "
        "unit",
        f"These {len(best)} units are said to follow {_listed(labels)}. Do you see it, and where do they "
        "err?",
        Strip(reader.passage, reader.along),
        f"On the whole text, {said}. The passage was chosen by its labels alone.",
        reader.command,
    )


def _table(name: str, reader: Reader) -> Figure:
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
        f"{name}-labels",
        "The best unit of each label, its controls, and what the network loses inside of the label (bits per "
        "character) with the unit held at its mean",
        f"Which of the {len(rows)} labels does a unit follow that is above all three controls?",
        Table(("label", "unit", "score", "shifted", "untrained", "random", "above", "loss"), rows),
        _answer(above, used, reader),
        reader.command,
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
