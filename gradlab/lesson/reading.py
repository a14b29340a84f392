"""Chapter 7: what the units of a cell keep in mind while it reads, from runs that ship with the lesson.

Their training takes minutes; it is not done anew for a page. Other runs may stand in their place.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gradlab.lesson import choices, guessed, shipped
from gradlab.lesson.guessed import Guessed
from gradlab.lesson.languages import ENGLISH, Language, Say
from gradlab.lesson.parts import Chapter, Figure, Strip, Table
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


def tell(numbers: Numbers, seed: int, language: Language = ENGLISH) -> Chapter:
    """The chapter in words."""
    del seed
    say = language.of("reading")
    readers = numbers.readers
    paragraphs = (f"{_opening(say, numbers)} {_before(say, numbers)}", say("follows"), say("controls"))
    figures = [
        figure
        for reader in readers
        for figure in (
            *guessed.figures(reader.name, named(say, reader.name), reader.command, reader.guessed, language),
            *_along(say, reader),
            _table(say, reader),
        )
    ]
    commands = tuple(reader.command for reader in readers)
    closing = (_closing(say, readers),)
    return Chapter(say("title"), paragraphs, tuple(figures), closing, commands, computed_before=True)


def named(say: Say, name: str) -> str:
    """What a text is called: one that ships, one of the reader's own, or the n-th of these."""
    if name.startswith("text "):
        return say("text_number", number=name.removeprefix("text "))
    return _known_as(say, f"name_{name}", name)


def _known_as(say: Say, key: str, name: str) -> str:
    """A name that the language has a word for; any other one as it is."""
    key = key.replace(" ", "_")
    return say(key) if key in say.texts else name


def _label(say: Say, name: str) -> str:
    return _known_as(say, f"label_{name}", name)


def _opening(say: Say, numbers: Numbers) -> str:
    """Which networks, on which texts, and how well they predict these."""
    readers = numbers.readers
    networks = [
        say(
            "network",
            cell=reader.cell,
            units=reader.hidden,
            source=_known_as(say, f"source_{reader.name}", reader.source) if numbers.ships else reader.source,
        )
        for reader in readers
    ]
    return say(
        "networks_have" if len(readers) > 1 else "a_network_has",
        networks=say.listed(networks),
        bits=say.listed([say.number(reader.bits) for reader in readers]),
        before=say.listed([say.number(reader.untrained_bits) for reader in readers]),
    )


def _before(say: Say, numbers: Numbers) -> str:
    """That they were trained before, and what the commands do."""
    readers = numbers.readers
    # Minutes are another count of updates on another day.
    exact = all("--updates" in reader.command.split() for reader in readers)
    if len(readers) > 1:
        again = say("they_compute" if exact else "they_train")
        return say("these_ship" if numbers.ships else "these_of_runs", count=len(readers), again=again)
    again = say("it_computes" if exact else "it_trains")
    return say("this_one_ships" if numbers.ships else "this_one_of_a_run", again=again)


def _closing(say: Say, readers: tuple[Reader, ...]) -> str:
    """What has no name, and how far this goes beyond these networks."""
    shares = [
        say(
            "share",
            percent=100 * one.unread,
            units=one.hidden,
            memory=one.memory,
            text=named(say, one.name),
        )
        for one in readers
    ]
    most = min(one.unread for one in readers) > 0.5
    begin = say("most_have_no_name" if most else "without_a_name", shares=say.listed(shares))
    return f"{begin} {say('single_networks' if len(readers) > 1 else 'one_network')}"


def _along(say: Say, reader: Reader) -> list[Figure]:
    """A passage, and some units below it; nothing where no unit is above its controls."""
    if not reader.along:
        return []
    pairs = [label.rpartition(", ")[::2] for label, _ in reader.along]
    best = [next(one for one in reader.followers if one.label == label) for label, _ in pairs]
    labels = [_label(say, one.label) for one in best]
    scores = [
        say("unit_and_score", label=_label(say, one.label), unit=one.unit, score=say.number(one.score, 2))
        for one in best
    ]
    several = len(best) > 1
    rows = tuple(
        (f"{_label(say, label)}, {unit}", values)
        for (label, unit), (_, values) in zip(pairs, reader.along, strict=True)
    )
    figure = Figure(
        f"{reader.name.replace(' ', '-')}-text",
        say("along_title", characters=len(reader.passage)),
        say("several_follow", count=len(best), labels=say.listed(labels))
        if several
        else say("one_follows", label=labels[0]),
        Strip(reader.passage, rows),
        say("along_answer", scores="; ".join(scores)),
        reader.command,
        choices=choices.most(say("along_asked"), {_label(say, one.label): abs(one.score) for one in best})
        if several
        else None,
    )
    return [figure]


def _table(say: Say, reader: Reader) -> Figure:
    """Every label beside its controls."""
    above = [one for one in reader.followers if one.above]
    rows = tuple(
        (
            _label(say, one.label),
            one.unit,
            *(say.number(value, 2) for value in (one.score, one.shifted, one.untrained, one.random)),
            say("yes" if one.above else "no"),
            "–" if math.isnan(one.inside) else say.number(one.inside, 2),
        )
        for one in reader.followers
    )
    head = ("label", "unit", "score", "shifted", "untrained", "random", "above", "loss")
    return Figure(
        f"{reader.name.replace(' ', '-')}-labels",
        say("table_title"),
        say("table_question", count=len(rows)),
        Table(tuple(say(key) for key in head), rows),
        _answer(say, above, reader),
        reader.command,
        choices=choices.above(
            say("table_asked", count=len(rows)),
            len(above) / max(1, len(rows)),
            {say("two_thirds"): 2 / 3, say("a_third"): 1 / 3, say("fewer"): 0.0},
        ),
    )


def _answer(say: Say, above: list[Follower], reader: Reader) -> str:
    count = len(reader.followers)
    used = [one for one in above if one.used == "used"]
    if not above:
        return say("none_of", count=count)
    said = say(
        "some_of", some=len(above), count=count, labels=say.listed([_label(say, one.label) for one in above])
    )
    level = percent(LEVEL)
    if not used:
        return f"{said} {say('none_used', level=level)}"
    key = "all_used" if len(used) == len(above) else "some_used"
    return f"{said} {say(key, level=level, labels=say.listed([_label(say, one.label) for one in used]))}"
