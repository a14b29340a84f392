"""Settings of a sweep: from text to validated values, and what the sweep will take before it runs."""

import math
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from gradlab import registry
from gradlab.errors import Exit, GradlabError, shown, size
from gradlab.memory import available_bytes
from gradlab.registry import number

Precision = Literal["float32", "float64"]
Objective = Literal["unit", "last", "every"]
MOST = 10**6
"""Values on one axis of a grid; more is taken for a slip and refused."""
POINT_BYTES = 1000
"""What a point of the grid takes at the very least."""


@dataclass(frozen=True)
class Sweep:
    """A grid of networks and how each is measured; what `run.json` stores as settings."""

    cell: tuple[str, ...] = ("elman(activation=identity)", "elman", "lstm", "gru")
    init: tuple[str, ...] = ("orthogonal",)
    w_rec: tuple[float, ...] = field(default_factory=lambda: floats("--w-rec", "0.5:1.5:21"))
    T: tuple[int, ...] = (25, 50, 100, 200)
    hidden: int = 64
    inputs: int = 1
    input_std: float = 0.1
    batch: int = 1
    seeds: int = 5
    seed: int = 0
    precision: Precision = "float32"
    objective: Objective = "unit"
    probe: tuple[str, ...] = ()
    """Measured beside adjoint, transport and state_shift."""

    def __post_init__(self) -> None:
        for name, least in (("hidden", 1), ("inputs", 1), ("batch", 1), ("seeds", 1), ("seed", 0)):
            if getattr(self, name) < least:
                raise GradlabError(_option(name), f"{getattr(self, name)} is too small; at least {least}")
        if min(self.T) < 1:
            raise GradlabError("-T", f"{min(self.T)} is too small; a sequence has at least 1 step")
        if self.seed >= 2**63:
            raise GradlabError("--seed", f"{shown(self.seed)} is too large; at most 2**63 - 1")
        if not (math.isfinite(self.input_std) and self.input_std >= 0):
            raise GradlabError("--input-std", f"{self.input_std} is too small; 0 or a positive number")
        for name, values in (
            ("w_rec", self.w_rec),
            ("T", self.T),
            ("cell", self.cell),
            ("init", self.init),
            ("probe", [spec.partition("(")[0] for spec in self.probe]),
        ):
            twice = [value for value, count in Counter(values).items() if count > 1]
            if twice:
                raise GradlabError(_option(name), f"{shown(twice[0])} is given twice; name each value once")
        for name, allowed in (("precision", Precision), ("objective", Objective)):
            choice(_option(name), getattr(self, name), allowed)

    @property
    def networks(self) -> int:
        """Networks of one cell and one T: lanes of its program."""
        return len(self.init) * len(self.w_rec) * self.seeds

    @property
    def points(self) -> int:
        """Cells x initialisers x w_rec x T x seeds."""
        return len(self.cell) * self.networks * len(self.T)


def _option(name: str) -> str:
    return {"T": "-T", "w_rec": "--w-rec", "input_std": "--input-std"}.get(name, f"--{name}")


def choice(option: str, text: str, allowed: Any) -> Any:
    """`text`, if it is one of the words of the `Literal` that `allowed` is.

    >>> choice("--precision", "float64", Precision)
    'float64'
    """
    if text not in get_args(allowed):
        raise registry.unknown(option, option.lstrip("-"), text, get_args(allowed))
    return text


def floats(option: str, text: str) -> tuple[float, ...]:
    """Numbers from a list `0.5,1,2` or a range `start:stop:count`, both ends included.

    >>> floats("--w-rec", "0.1:0.3:3")
    (0.1, 0.2, 0.3)
    """
    if re.fullmatch(r"\s*\d+\s*,\s*\d+\s*", text, re.ASCII):
        point, pair = text.replace(",", "."), ",".join(f"{part.strip()}.0" for part in text.split(","))
        raise GradlabError(option, f"{shown(text)} may be a number or a list; write {point} or {pair}")
    return tuple(float(value) for part in _parts(option, text) for value in _range(option, part, float))


def integers(option: str, text: str) -> tuple[int, ...]:
    """Whole numbers from a list `32,64` or a range `start:stop:count`, both ends included.

    >>> integers("-T", "25,50:100:2")
    (25, 50, 100)
    """
    return tuple(int(value) for part in _parts(option, text) for value in _range(option, part, int))


def specs(kind: str, texts: list[str]) -> tuple[str, ...]:
    """Members, each `name` or `name(setting=value, ...)`, in their canonical spelling; parted by commas."""
    parts = [part for text in texts for part in registry.outside_brackets(text)]
    if not parts or not all(parts):
        raise GradlabError(registry.KINDS[kind], "is empty; name at least one")
    return tuple(registry.label(kind, part) for part in parts)


def probes(texts: list[str]) -> tuple[str, ...]:
    """Probes in their canonical spelling, parted by commas; those of every sweep go without saying."""
    found = [probe(part) for text in texts for part in registry.outside_brackets(text)]
    return tuple(spec for spec in found if spec not in ("adjoint", "transport", "state_shift"))


def probe(text: str) -> str:
    """One probe, `name` or `name(setting=value, ...)`, in its canonical spelling.

    >>> probe("lyapunov( top = 10 )")
    'lyapunov(top=10)'
    """
    label = registry.label("probes", text)
    check = getattr(registry.home("probes", label.partition("(")[0]), "check", None)
    if check is not None:
        try:
            check(**registry.make("probes", label).keywords)
        except ValueError as error:
            raise GradlabError("--probe", f"{shown(text)} is not possible; {error}") from error
    return label


def _parts(option: str, text: str) -> list[str]:
    parts = [part.strip() for part in text.split(",")]
    if not all(parts):
        raise GradlabError(option, f"{shown(text)} has an empty entry; write a list 1,2 or a range 1:9:5")
    return parts


def _range(option: str, text: str, kind: type[int] | type[float]) -> list[float] | list[int]:
    pieces = text.split(":")
    if len(pieces) == 1:
        return [number(option, text, text, kind)]
    if len(pieces) != 3:
        raise GradlabError(option, f"{shown(text)} is not a range; write START:STOP:COUNT, such as 1:9:5")
    start, stop = (number(option, text, piece, kind) for piece in pieces[:2])
    count = int(number(option, f"the count in {text}", pieces[2], int))
    if count < 1:
        raise GradlabError(option, f"{shown(text)} is an empty range; its count must be at least 1")
    if stop < start or (count == 1 and stop != start):
        raise GradlabError(option, f"{shown(text)} is an empty range; write START below STOP")
    if count > MOST:
        need, free = size(count * POINT_BYTES), size(available_bytes())
        what = f"{shown(text)} has {count} values and needs at least {need} of memory, {free} available"
        raise GradlabError(option, f"{what}; at most {MOST} values", Exit.RESOURCES)
    width = (stop - start) / max(count - 1, 1)
    if start == stop and count > 1:
        raise GradlabError(option, f"{shown(text)} has a step of zero; write {start} alone")
    values = [start + width * i for i in range(count - 1)] + [stop]
    if kind is float:
        return [float(f"{value:.12g}") for value in values[:-1]] + [stop]
    if not all(float(value).is_integer() for value in values):
        raise GradlabError(option, f"{shown(text)} does not fall on whole numbers; choose another COUNT")
    return [int(value) for value in values]


def settings(sweep: Sweep) -> dict[str, Any]:
    """The settings as they are stored: plain JSON values."""
    return {key: list(value) if isinstance(value, tuple) else value for key, value in vars(sweep).items()}
