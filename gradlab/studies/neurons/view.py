"""A unit along the text in a terminal: its value as background colour, its rank as a row of marks below."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.text import Text
from scipy.stats import rankdata

from gradlab.errors import GradlabError, shown
from gradlab.escaping import plain
from gradlab.studies.neurons.arrays import restored
from gradlab.studies.neurons.results import Reading

LINES, DECADES = 40, 3
"""Of the screen, and of a gradient."""
MARKS, BLOCKS = "=-. :+#", "▁▂▃▄▅▆▇█"
"""From the lowest to the highest value, without Unicode and with it."""


class Chosen(NamedTuple):
    """A unit of a run, and what it is called in its arrays."""

    cell: int
    leaf: str
    number: int

    @property
    def name(self) -> str:
        """As tables have it."""
        return f"{self.leaf}/{self.number}"


def chosen(run: Reading, text: str) -> Chosen:
    """The unit that a text names: `17`, `c/17` or `gru:h/3`; without one that with the highest score above.

    Raises:
      GradlabError: for a unit that does not exist.
    """
    names = [one["cell"] for one in run.cells]
    cell, colon, rest = text.rpartition(":")
    if colon and cell not in names:
        raise GradlabError("--unit", f"no cell called {shown(cell)} in this run; {', '.join(names)}")
    k = names.index(cell) if colon else 0
    one = run.cells[k]
    if not rest:
        best = run.units[run.units["verdict"] == "above"]
        best = best[best["cell"] == one["cell"]]
        rest = str(best.loc[best["score"].abs().idxmax(), "unit"]) if len(best) else f"{one['leaves'][-1]}/0"
    leaf, slash, number = rest.rpartition("/")
    memory = one["memory"] if one["memory"] in one["leaves"] else one["leaves"][0]
    leaf = leaf if slash else memory
    known = [*one["leaves"], *one["gates"]]
    if leaf not in known or not (number.isascii() and number.isdigit()) or int(number[:9]) >= one["hidden"]:
        rule = f"{', '.join(known)}, each with 0 to {one['hidden'] - 1}: such as {memory}/{one['hidden'] - 1}"
        raise GradlabError("--unit", f"no unit called {shown(text)} in this run; there are {rule}")
    return Chosen(k, leaf, int(number))


def render(run: Reading, unit: str, at: int, width: int, *, unicode: bool, color: bool) -> Text:
    """A unit along the shown text from a character on: red is low, blue is high."""
    one = chosen(run, unit)
    text = run.text
    if not 0 <= at < len(text):
        raise GradlabError("--at", f"{at} is beyond the text; 0 to {len(text) - 1}")
    cell = run.cells[one.cell]
    name = f"gate_{one.leaf}" if one.leaf in cell["gates"] else one.leaf
    values = restored(run.norms[f"cell{one.cell}_{name}"][:, one.number])
    # Colour says what the value is, a mark where it lies among all that the unit does on this text.
    place = (values + 1) / 2 if one.leaf in cell["gates"] else (np.tanh(values) + 1) / 2
    own = (rankdata(values) - 1) / max(1, len(values) - 1)
    made = Text(no_wrap=True, overflow="ignore", end="")
    for line in _head(run, one):
        made.append(line + "\n", "bold" if color else "")
    marks = BLOCKS if unicode else MARKS
    room, i = max(20, width), at
    for _ in range(LINES // 2):
        end = text.find("\n", i, i + room)
        end = min(len(text), i + room) if end < 0 else end + 1
        if i >= end:
            break
        # A line end has a value, too, and takes the place of a sign for it.
        letters = [
            ("¶" if unicode else "$") if letter == "\n" else plain(letter)[:1] or " "
            for letter in text[i:end]
        ]
        for letter, value in zip(letters, place[i:end], strict=True):
            made.append(letter, f"on {_color(value)}" if color else "")
        made.append("\n")
        made.append("".join(marks[min(int(v * len(marks)), len(marks) - 1)] for v in own[i:end]) + "\n")
        i = end
    return made


def gradient(
    run: Reading, cell: int, at: int, log: NDArray[np.float64], width: int, *, unicode: bool, color: bool
) -> Text:
    """The text up to a character, marked by how much the prediction after it depends on each.

    Raises:
      GradlabError: where that is nowhere a number, as of a run whose weights are none.
    """
    first = at + 1 - len(log)
    text, known = run.text[first : at + 1], log[::-1]
    finite = np.isfinite(known)
    if not finite.any():
        raise GradlabError("--gradient", f"has no number at any character before {at}; choose another --at")
    # Three decades below the strongest count as nothing.
    share = np.clip((np.where(finite, known, -np.inf) - known[finite].max()) / DECADES + 1, 0, 1)
    made = Text(no_wrap=True, overflow="ignore", end="")
    top = run.norms[f"cell{cell}_top"].values[at].tolist()
    odds = run.norms[f"cell{cell}_probability"].values[at].tolist()
    vocabulary = run.about["vocabulary"]
    said = ", ".join(f"{vocabulary[code]!a} {p:.2f}" for code, p in zip(top, odds, strict=True))
    made.append(f"{run.cells[cell]['cell']} after character {at} expects {said}\n", "bold" if color else "")
    made.append(f"how much the first depends on each character before, the largest {DECADES} decades:\n")
    marks = BLOCKS if unicode else " .:-=+*#"
    room = max(20, width)
    for i in range(0, len(text), room):
        letters = [
            ("¶" if unicode else "$") if letter == "\n" else plain(letter)[:1] or " "
            for letter in text[i : i + room]
        ]
        for letter, value in zip(letters, share[i : i + room], strict=True):
            made.append(letter, f"on {_color(0.5 + value / 2)}" if color else "")
        made.append("\n")
        made.append(
            "".join(marks[min(int(v * len(marks)), len(marks) - 1)] for v in share[i : i + room]) + "\n"
        )
    return made


def _color(value: float) -> str:
    """From red over white to blue; the text on it stays black on white, or white on black."""
    share = 2 * value - 1
    fade = round(255 * (1 - min(1.0, abs(share)) * 0.75))
    return f"rgb({fade},{fade},255)" if share > 0 else f"rgb(255,{fade},{fade})"


def _head(run: Reading, one: Chosen) -> list[str]:
    cell = run.cells[one.cell]["cell"]
    own = run.units[(run.units["cell"] == cell) & (run.units["unit"] == one.name)].iloc[0]
    scores = run.scores[(run.scores["cell"] == cell) & (run.scores["unit"] == one.name)]
    best = scores.reindex(scores["score"].abs().sort_values(ascending=False).index)[:3]
    said = ", ".join(
        f"{plain(str(row['label']))} {row['score']:+.2f}{'*' if row['verdict'] == 'above' else ''}"
        for _, row in best.iterrows()
    )
    lines = [f"{cell} {one.name}: {said} (* above its controls)"]
    half, far = float(own["half_life"]), float(own["transport"])
    parts = [f"half-life {half:.3g}"] if not math.isnan(half) else []
    parts += [f"gradient halved after {far:g} steps"] if math.isfinite(far) else []
    if not math.isnan(own["left"]):
        parts.append(f"below 0.1 at {own['left']:.0%}, above 0.9 at {own['right']:.0%} of the characters")
    if not math.isnan(own["inside"]):
        parts.append(
            f"held at its mean {own['inside']:+.3f} bits inside, {own['outside']:+.3f} outside {own['label']}"
        )
    return [*lines, *(["; ".join(parts)] if parts else [])]
