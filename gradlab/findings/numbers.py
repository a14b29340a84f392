"""The two sides of a comparison: every number of a run by seed, with what it depends on."""

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from gradlab.findings import rounding
from gradlab.findings.finding import place
from gradlab.profiles import bound
from gradlab.states import STATES, UNDEFINED
from gradlab.studies.sweep import regimes
from gradlab.studies.sweep import rows as sweep_rows

if TYPE_CHECKING:
    import xarray

    from gradlab.studies.sweep.results import Run

Value = float | str
"""A number that is ok, or the state that says why there is none."""

SAME = ("hidden", "inputs", "input_std", "inputs_digest", "batch", "precision", "objective")
"""Settings that must be equal for two runs to have measured the same thing; the rest is the grid."""
GIVEN_BY = ("seed", "data_digest", "inputs_digest")
"""Settings that, with a place on the axis of seeds, decide which inputs a network is given."""
DRAWN = (*GIVEN_BY, "hidden", "inputs")
"""Settings that, with cell, initialiser and seed, decide which weights are drawn."""
GIVEN = "given"
"""The initialiser of a network that is given."""
MACHINE = ("platform", "device_kind", "cpu", "jax", "jaxlib", "numpy")
"""Versions and hardware: with all of them equal, equal settings give equal bits."""


PAIRED = ("gradient_projection",)
"""What is compared between equal weights alone: with others it is another random number."""
ALIKE = 1e-5
"""Norms and projections of weights that differ by less are equal, as far as another processor rounds."""

Marks = dict[str, tuple[float, float]]
"""The norm of each parameter, at unit gain, and its projection (`gradlab.recurrence.projections`)."""


class Key(NamedTuple):
    """What a number is of."""

    metric: str
    cell: str
    init: str
    w_rec: float
    T: int
    part: str = "state"
    lag: int | None = None
    """Of a norm at one lag."""
    leaf: str | None = None
    """Of the gradient of one parameter."""

    @property
    def where(self) -> dict[str, Any]:
        """The point of the grid; `part` only where it is not the whole state, no w_rec of a given network."""
        point = dict(zip(self._fields[1:], self[1:], strict=True))
        if self.init == GIVEN:
            # It has its own weights, and what stands on its axis is no gain.
            del point["w_rec"]
        return {name: at for name, at in point.items() if at is not None and (name, at) != ("part", "state")}

    @property
    def repeats(self) -> str:
        """What was measured again and again: `seeds`, or the `sequences` that one given network has read."""
        return sweep_rows.REPEATS[self.init == GIVEN]

    @property
    def column(self) -> str:
        """The metric; of an entry of a probe's column, the column."""
        return self.metric.partition("[")[0]

    def __str__(self) -> str:
        return f"{self.metric} {place(self.where)}"


class BySeed(NamedTuple):
    """One number for each seed."""

    values: dict[int, Value]
    chaotic: bool
    """Another machine's rounding follows another trajectory: not to be compared seed by seed there."""
    within: float = 0.0
    """What rounding may change: the printed bound, and what it does to the states."""

    @property
    def numbers(self) -> list[float]:
        """The values that are numbers."""
        return [value for value in self.values.values() if not isinstance(value, str)]

    @property
    def states(self) -> list[str]:
        """The state of each seed."""
        return [value if isinstance(value, str) else "ok" for value in self.values.values()]

    @property
    def mean(self) -> float:
        """Over the seeds that have a number; NaN if none has."""
        return float(np.mean(self.numbers)) if self.numbers else float("nan")


class Numbers(NamedTuple):
    """What is compared: a run, or the baseline that was made from one."""

    settings: dict[str, Any]
    versions: dict[str, Any]
    weights: dict[str, dict[str, str]]
    """Digests of the weights: cell, then `init/seed`."""
    series: dict[Key, BySeed]
    marks: dict[str, dict[str, Marks]]
    """What tells the weights from others where digests cannot: cell, then `init/seed`."""


def side(run: "Run") -> Numbers:
    """A run as one side of a comparison."""
    table = run.metrics
    axes = ("metric", "cell", "init", "w_rec", "T", "part", "seed", "value", "state")
    values: dict[Key, dict[int, Value]] = {}
    for *key, seed, value, state in zip(*(table[name].tolist() for name in axes), strict=True):
        values.setdefault(Key(*key), {})[seed] = value if state == "ok" else state
    cells = run.norms["cell"].values.tolist()
    linear = dict(zip(cells, run.norms["linear"].values.tolist(), strict=True))
    names = {"transport": "rate", "reach": "reach_rate"}
    rate = {cell: names[of] for cell, of in zip(cells, sweep_rows.speaking_of(run.norms), strict=True)}
    chaotic = {
        key[1:5]
        for key, seeds in values.items()
        if key.metric == rate[key.cell]
        and key.part == "state"
        and not linear[key.cell]
        and _chaotic(seeds, key.T)
    }
    precision = str(run.norms.attrs.get("precision", "float32"))

    def rounded(key: Key) -> float:
        known = values.get(key._replace(metric=rate[key.cell]), {}).values()
        return rounding.within(
            key.metric, precision, key.T, (one for one in known if not isinstance(one, str))
        )

    series = {key: BySeed(seeds, key[1:5] in chaotic, rounded(key)) for key, seeds in values.items()}
    series |= {key: seeds._replace(chaotic=key[1:5] in chaotic) for key, seeds in _profiles(run.norms)}
    about = run.about
    versions = about.get("versions", {})
    if about.get("mixed"):
        # Those of whoever put the run together say nothing of the bits that others have computed.
        versions = {name: value for name, value in versions.items() if name not in MACHINE}
    return Numbers(about.get("settings", {}), versions, about.get("weights", {}), series, _marks(run.norms))


def _profiles(norms: "xarray.Dataset") -> Iterator[tuple[Key, BySeed]]:
    """Norms at a few lags, and the gradients of all parameters: what rates and horizons do not see.

    A gradient that is doubled changes no slope, and one that is cut off from a bias no transport.
    """
    precision = str(norms.attrs.get("precision", "float32"))
    axes = ("cell", "init", "w_rec", "T")
    seeds = norms["seed"].values.tolist()
    names = [name for name in ("adjoint", "transport_frobenius", "weight_gradient") if name in norms]
    last = [name for name in ("gradient", *PAIRED) if name in norms]
    arrays = {
        name: (norms[name].transpose(*axes, ...).values, norms[f"{name}_state"].transpose(*axes, ...).values)
        for name in (*names, *last)
    }
    shifts = norms["state_shift"].transpose(*axes, "seed").values if "state_shift" in norms else None
    leaves = norms["leaf"].values.tolist() if last else []
    for at in np.ndindex(*(norms.sizes[axis] for axis in axes)):
        cell, init, w_rec, T = (norms[axis].values.tolist()[i] for axis, i in zip(axes, at, strict=True))
        # States that move by more than their own size say nothing of how much.
        shift = 0.0 if shifts is None else min(1.0, float(np.nan_to_num(shifts[at]).max()))
        relative = bound(precision, T) + (T + 1) * shift
        places: list[tuple[str, dict[str, Any], Any]] = []
        for name in names:
            first = 0 if name == "weight_gradient" else 1
            # The weight gradient has no lag T: no step was taken there.
            for lag in sorted({first, (first + T) // 2, T - 1 + first}):
                inner = (slice(None), lag) if name == "weight_gradient" else (slice(None), 0, lag)
                places.append((name, {"lag": lag}, inner))
        places += [(name, {"leaf": leaf}, (slice(None), i)) for name in last for i, leaf in enumerate(leaves)]
        for name, more, inner in places:
            value, state = (array[at][inner] for array in arrays[name])
            if (state == UNDEFINED).all():
                continue
            codes = [STATES[code] for code in state.tolist()]
            rows = zip(seeds, value.tolist(), codes, strict=True)
            # A projection is a number near 1, a norm is kept as its logarithm.
            within = relative if name in PAIRED else relative / math.log(10)
            found = {seed: number if code == "ok" else code for seed, number, code in rows}
            yield Key(name, cell, init, w_rec, T, **more), BySeed(found, chaotic=False, within=within)


def _marks(norms: "xarray.Dataset") -> dict[str, dict[str, Marks]]:
    """Norm and projection of each parameter that a cell has; nothing in runs of before they were kept."""
    if "weights" not in norms:
        return {}
    leaves = norms["leaf"].values.tolist()
    pairs = np.stack([norms[name].values for name in ("weights", "weights_projection")], axis=-1)
    found: dict[str, dict[str, Marks]] = {}
    for (c, i, s), each in zip(np.ndindex(pairs.shape[:3]), pairs.reshape(-1, *pairs.shape[3:]), strict=True):
        cell, init, seed = (norms[axis].values[at] for axis, at in (("cell", c), ("init", i), ("seed", s)))
        known = zip(leaves, each.tolist(), strict=True)
        marks = {leaf: (norm, along) for leaf, (norm, along) in known if not math.isnan(norm)}
        found.setdefault(str(cell), {})[f"{init}/{seed}"] = marks
    return found


def _chaotic(seeds: Mapping[int, Value], T: int) -> bool:
    """Whether any of the networks is; their rates by seed."""
    known = [value for value in seeds.values() if not isinstance(value, str)]
    return bool(regimes.trajectory_dependent(known, T, linear=False).any())


def different(old: Numbers, new: Numbers, names: tuple[str, ...]) -> list[str]:
    """The settings among `names` that are not equal."""
    return [name for name in names if old.settings.get(name) != new.settings.get(name)]


def same_machine(old: Numbers, new: Numbers) -> bool:
    """Whether equal settings must give equal bits on both sides."""
    return all(
        old.versions.get(name) is not None and old.versions[name] == new.versions.get(name)
        for name in MACHINE
    )


def equal_weights(old: Numbers, new: Numbers) -> dict[tuple[str, str], list[int]]:
    """The seeds of each (cell, init) whose weights, inputs and targets are equal on both sides.

    Another processor may round the weights otherwise, so that digests differ: then their marks decide.
    """
    found: dict[tuple[str, str], list[int]] = {}
    if different(old, new, GIVEN_BY):
        return found
    for cell, digests in old.weights.items():
        for name, digest in digests.items():
            now = new.weights.get(cell, {}).get(name)
            if now == digest or (now is not None and alike(old, new, cell, name)):
                init, _, seed = name.rpartition("/")
                found.setdefault((cell, init), []).append(int(seed))
    return found


def alike(old: Numbers, new: Numbers, cell: str, name: str) -> bool:
    """Whether all parameters of a network have the same marks on both sides, and there are any."""
    before, after = (side.marks.get(cell, {}).get(name, {}) for side in (old, new))
    return bool(before) and before.keys() == after.keys() and not unlike(before, after)


def unlike(before: Marks, after: Marks) -> dict[str, float | None]:
    """The parameters that differ: by the factor that one is of the other, None if it is no factor."""
    found: dict[str, float | None] = {}
    for leaf in before.keys() & after.keys():
        (norm, along), (now, then) = before[leaf], after[leaf]
        turned = abs(then - along) > ALIKE * max(1.0, abs(along))
        if turned or abs(now - norm) > ALIKE * norm:
            found[leaf] = None if turned or not norm else now / norm
    return dict(sorted(found.items()))
