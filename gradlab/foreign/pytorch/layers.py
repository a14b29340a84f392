"""Layers of torch from their weights, by torch's names: `nn.RNN`, `nn.LSTM`, `nn.GRU` and their cells.

weight_ih_l0    (K N, D)    K gates of N units over D inputs; above the first layer D is what is below
weight_hh_l0    (K N, P)    P = N, or the size of a projection
bias_ih_l0      (K N,)      and bias_hh_l0; both or none
weight_hr_l0    (P, N)      the projection of an LSTM

`_reverse` behind a name: of the direction that runs from the last step to the first.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from gradlab.errors import GradlabError, shown
from gradlab.foreign.pytorch.files import Weights
from gradlab.foreign.pytorch.known import array
from gradlab.spelled import unknown

GATES = {"rnn": 1, "lstm": 4, "gru": 3}
"""Gates of each architecture: of an LSTM i, f, g, o; of a GRU r, z, n."""
ACTIVATIONS = ("tanh", "relu")

_NAME = re.compile(r"(.*\.)?((?:weight|bias)_(?:ih|hh)|weight_hr)(?:_l(\d+)(_reverse)?)?")


class Layers(NamedTuple):
    """A stack of equal layers, each in one direction or both."""

    arch: str
    activation: str
    """Of an `rnn`; the others have tanh."""
    depth: int
    directions: tuple[str, ...]
    """What a name ends in: `("",)`, or with `_reverse` for the direction from the last step back."""
    weights: Weights
    beside: tuple[str, ...] = ()
    """Names of weights that belong to other parts of a model."""

    @property
    def units(self) -> int:
        """N."""
        return int(self.weights["weight_hh_l0"].shape[0]) // GATES[self.arch]

    @property
    def out(self) -> int:
        """P: what a direction of a layer gives at each step."""
        return int(self.weights["weight_hh_l0"].shape[1])

    @property
    def inputs(self) -> int:
        """D."""
        return int(self.weights["weight_ih_l0"].shape[1])

    @property
    def precision(self) -> str:
        """`float32` or `float64`."""
        return str(self.weights["weight_hh_l0"].dtype)

    def one(self, layer: int, direction: str = "") -> dict[str, Any]:
        """The weights of one layer and direction, without the ends of their names."""
        end = f"_l{layer}{direction}"
        return {name.removesuffix(end): w for name, w in self.weights.items() if name.endswith(end)}


def of_weights(where: str, weights: Weights, arch: str | None, activation: str | None) -> Layers:
    """The layers that weights make, which are those of `arch` and nothing else.

    Weights of other parts of a model, under other prefixes, are left out (`beside`).

    Raises:
      GradlabError: for names that are missing or do not belong there, each named; for wrong shapes and mixed
        precisions; for an architecture or activation that is not known or not given.
    """
    if arch is not None:
        arch, activation = _asked(arch, activation)
    prefix = _prefix(where, weights)
    own = {name.removeprefix(prefix): w for name, w in weights.items() if name.startswith(prefix)}
    inner = {_numbered(name): w for name, w in own.items() if "." not in name}
    if arch is None or activation is None:
        raise GradlabError("arch", f"is not given; {_looks(inner)}")
    beside = tuple(
        name for name in weights if "." in name.removeprefix(prefix) or not name.startswith(prefix)
    )
    parts = [found.groups() for name in inner if (found := _NAME.fullmatch(name))]
    depth = 1 + max(int(layer) for _, _, layer, _ in parts)
    directions = ("", "_reverse") if any(reverse for *_, reverse in parts) else ("",)
    kinds = {kind for _, kind, _, _ in parts}
    names = _names(depth, directions, kinds & _allowed(arch))
    _require_names(where, arch, inner, names)
    # In torch's order, whichever order a file has.
    layers = Layers(arch, activation, depth, directions, {name: inner[name] for name in names}, beside)
    _require_shapes(where, layers)
    return layers


def of_module(module: Any) -> Layers:
    """The layers of a `torch.nn.RNN`, `LSTM` or `GRU`, with the weights that it computes with."""
    name = type(module).__name__
    mode = str(getattr(module, "mode", "")).split("_")
    if mode[0].lower() not in GATES:
        raise GradlabError("module", f"{name} has mode {shown('_'.join(mode))}; RNN, LSTM and GRU are read")
    if module.training and module.dropout > 0 and module.num_layers > 1:
        raise GradlabError(
            "module", f"{name} drops out {module.dropout:g} while it trains; call module.eval()"
        )
    kinds = {"weight_ih", "weight_hh"} | ({"bias_ih", "bias_hh"} if module.bias else set())
    kinds |= {"weight_hr"} if getattr(module, "proj_size", 0) else set()
    directions = ("", "_reverse") if module.bidirectional else ("",)
    # As attributes: what is parametrised (weight norm, spectral norm) has other names in its state_dict.
    weights = {
        each: array(f"module.{each}", getattr(module, each))
        for each in _names(module.num_layers, directions, kinds)
    }
    activation = mode[1].lower() if len(mode) > 1 else "tanh"
    layers = Layers(mode[0].lower(), activation, module.num_layers, directions, weights)
    _require_shapes("module", layers)
    return layers


def of_options(file: str, weights: Weights, arch: str, activation: str) -> Layers:
    """As `of_weights`, of settings whose options faults are named by; an empty one is not given."""
    try:
        return of_weights(file, weights, arch or None, activation or None)
    except GradlabError as error:
        where = f"--{error.where}" if error.where in ("arch", "activation") else error.where
        raise GradlabError(where, error.what, error.code) from error


def _asked(arch: str, activation: str | None) -> tuple[str, str]:
    if arch not in GATES:
        raise unknown("arch", "architecture", arch, GATES)
    if arch != "rnn":
        if activation not in (None, "tanh"):
            raise GradlabError(
                "activation", f"is {shown(activation)}; torch's {arch} has tanh, so leave it out"
            )
        return arch, "tanh"
    if activation is None:
        raise GradlabError("activation", f"is not given, and weights do not say; {' or '.join(ACTIVATIONS)}")
    if activation not in ACTIVATIONS:
        raise unknown("activation", "activation", activation, ACTIVATIONS)
    return arch, activation


def _prefix(where: str, weights: Weights) -> str:
    found = {
        match[1] or "" for name in weights if (match := _NAME.fullmatch(name)) and match[2] == "weight_hh"
    }
    if not found:
        what = f"has no weight_hh_l0, the recurrent weights; it has {_listed(weights)}"
        raise GradlabError(where, what)
    if len(found) > 1:
        homes = _listed(home.removesuffix(".") for home in sorted(found))
        raise GradlabError(
            where, f"holds several recurrent parts, {homes}; pass the weights of one as a dict"
        )
    return found.pop()


def _numbered(name: str) -> str:
    """The name in a layer of a weight, which in a cell has no number."""
    return f"{name}_l0" if re.fullmatch(r"(weight|bias)_(ih|hh)", name) else name


def _allowed(arch: str) -> set[str]:
    kinds = {"weight_ih", "weight_hh", "bias_ih", "bias_hh"}
    return kinds | {"weight_hr"} if arch == "lstm" else kinds


def _names(depth: int, directions: Sequence[str], kinds: set[str]) -> list[str]:
    # Whoever has one of the biases has both, and nobody is without weights.
    kinds = (
        kinds
        | {"weight_ih", "weight_hh"}
        | ({"bias_ih", "bias_hh"} if kinds & {"bias_ih", "bias_hh"} else set())
    )
    order = [kind for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr") if kind in kinds]
    return [f"{kind}_l{layer}{end}" for layer in range(depth) for end in directions for kind in order]


def _require_names(where: str, arch: str, found: Mapping[str, Any], wanted: Sequence[str]) -> None:
    missing = [name for name in wanted if name not in found]
    beyond = [name for name in found if name not in wanted]
    said = [f"it lacks {_listed(missing)}"] if missing else []
    said += [f"it holds {_listed(beyond)}, which no {arch} has"] if beyond else []
    if said:
        raise GradlabError(where, f"is no {arch}: {'; '.join(said)}{_other(arch, found)}")


def _require_shapes(where: str, layers: Layers) -> None:
    arch, first = layers.arch, layers.weights["weight_hh_l0"]
    K, other = GATES[arch], _other(arch, layers.weights)
    if other or first.ndim != 2 or first.shape[0] % K:
        what = f"has shape {first.shape}; of {arch} it is ({K} N, N){other}".replace("(1 N", "(N")
        raise GradlabError(f"{where}: weight_hh_l0", what)
    N = first.shape[0] // K
    hr = layers.weights.get("weight_hr_l0")
    P = N if hr is None else (hr.shape[0] if hr.ndim else 0)
    ih = layers.weights["weight_ih_l0"]
    D = ih.shape[1] if ih.ndim == 2 else 1
    for name, w in layers.weights.items():
        kind, layer = name.split("_l")[0], int(re.findall(r"_l(\d+)", name)[0])
        below = D if layer == 0 else P * len(layers.directions)
        forms = {"weight_ih": (K * N, below), "weight_hh": (K * N, P), "weight_hr": (P, N)}
        form = forms.get(kind, (K * N,))
        if w.shape != form:
            what = f"has shape {w.shape}; in {arch} of {N} units it is {form}"
            raise GradlabError(f"{where}: {name}", what)
        if str(w.dtype) != layers.precision:
            what = f"is of {w.dtype} and weight_hh_l0 of {layers.precision}; cast them to one"
            raise GradlabError(f"{where}: {name}", what)


def _other(arch: str, weights: Mapping[str, Any]) -> str:
    """That weights are those of another architecture, by the rows of the recurrent ones; empty if not."""
    units, found = _by_rows(weights)
    if found in ("", arch):
        return ""
    many = f"{GATES[found]} gate{'' if GATES[found] == 1 else 's'}"
    return f"; rows for {many} of {units} units are {found}'s: arch is {found}, not {arch}"


def _looks(weights: Mapping[str, Any]) -> str:
    """Which architecture weights are of, as far as their rows tell: what to give."""
    units, found = _by_rows(weights)
    if not found:
        return f"weights do not say; one of {', '.join(GATES)}"
    rows = f"{GATES[found]} row{'s' * (GATES[found] > 1)} for each of {units} units"
    said = f"weight_hh_l0 has {rows}, as in {'a' if found == 'gru' else 'an'} {found}: give {found}"
    # What a unit does with its sum leaves no trace in the shapes.
    return f"{said}, and as activation {' or '.join(ACTIVATIONS)}" if found == "rnn" else said


def _by_rows(weights: Mapping[str, Any]) -> tuple[int, str]:
    """Units, and the architecture whose gates the rows of the recurrent weights are; empty if none is."""
    first, hr = weights.get("weight_hh_l0"), weights.get("weight_hr_l0")
    if first is None or first.ndim != 2 or (hr is not None and hr.ndim != 2):
        return 0, ""
    rows, units = first.shape[0], first.shape[1] if hr is None else hr.shape[1]
    found = next((one for one, K in GATES.items() if rows == K * units), "")
    return units, "" if hr is not None and found != "lstm" else found


def _listed(names: Any, most: int = 6) -> str:
    found = [shown(name, 40).strip("'") for name in names]
    more = f" and {len(found) - most} more" if len(found) > most else ""
    return ", ".join(found[:most]) + more
