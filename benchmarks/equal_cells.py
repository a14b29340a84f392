"""Every cell of gradlab beside the same network in torch: states, and all norms by lag.

Weights, first state, inputs and cotangent are equal. Torch follows its own states and has its own Jacobians,
products and singular values, all in float64; gradlab's numbers are those of `gradlab.measure`. In float32
torch's Jacobians are those at gradlab's states.

Run: python benchmarks/equal_cells.py [SPEC ...] [--hidden 3,16] [--seed 0]
"""

import argparse
import sys
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import torch
import torch_cells
import torch_network
import torch_norms

import gradlab
from gradlab import registry
from gradlab.profiles import bound
from gradlab.recurrence.objectives import draw_target
from gradlab.states import BELOW_PRECISION, EXACT_ZERO, OK
from gradlab.studies.sweep.networks import stream

D = 3
NORMS = ("adjoint", "transport_frobenius", "weight_gradient", "transport")
WIDTH = 80
LIMITS = {"adjoint": 1e-9, "transport_frobenius": 1e-9, "weight_gradient": 1e-9, "transport": 1e-3}
SETTINGS = (
    "antisymmetric(gate=true)",
    "cornn(damping=implicit)",
    "coupled_lstm(chrono=20)",
    "elman(activation=identity)",
    "elman(activation=relu)",
    "elman(activation=sigmoid)",
    "gru(reset=after)",
    "indrnn(activation=tanh, start=uniform)",
    "layer_norm(cell=lstm)",
    "layer_norm(cell=residual(cell=cornn))",
    "layer_norm(cell=stacked(cell=lstm97))",
    "leaky(leak=0.5, activation=relu)",
    "lstm(forget_gate=false)",
    "lstm(full_gate_recurrence=true, output_activation=false)",
    "lstm(input_gate=false)",
    "lstm(output_gate=false, input_activation=false)",
    "lstm97(squash=logistic)",
    "minimal(embedding=identity)",
    "orthogonal(activation=modrelu, reflections=2)",
    "residual(cell=gru, skip=1, strength=0.2)",
    "residual(cell=lstm, skip=3)",
    "residual(join=after, strength=0.5)",
    "stacked(cell=layer_norm(cell=gru))",
    "stacked(cell=lstm, layers=3)",
)
"""Beside every cell as it is by default."""


class Case(NamedTuple):
    """One network."""

    spec: str
    hidden: int
    T: int = 50
    init: str = "orthogonal"
    w_rec: float = 1.0
    moved: float = 0.1
    """Standard deviation of what is added to all weights and the first state: none is 0, or of a form."""
    precision: str = "float64"


def drawn(case: Case, seed: int) -> tuple[Any, Any, Any, Any]:
    """The cell, its parameters, first state and inputs."""
    cell, start = registry.make("cells", case.spec), registry.make("initializers", case.init)
    init = jax.jit(lambda key: cell.init(key, D, case.hidden, case.w_rec, start))
    rng = np.random.default_rng(seed)
    noise = lambda leaf: case.moved / case.hidden**0.5 * rng.standard_normal(leaf.shape)
    moved = jax.tree.map(lambda leaf: leaf + noise(leaf), init(jax.random.key(seed)))
    xs = rng.standard_normal((case.T, D))
    return cell, *jax.tree.map(lambda leaf: jnp.asarray(leaf, case.precision), (*moved, xs))


def differences(case: Case, seed: int) -> dict[str, float]:
    """The largest relative difference of every norm, over lags and parts."""
    cell, params, state, xs = drawn(case, seed)
    return compared(cell, torch_cells.network(cell), params, state, xs, seed)


def compared(
    cell: Any, network: torch_network.Network, params: Any, state: Any, xs: Any, seed: int
) -> dict[str, float]:
    """The same, of a cell and what it is in torch."""
    ours = gradlab.measure(cell.step, params, state, xs, w_rec=cell.recurrent, seed=seed)
    key = stream(seed, "target", objective="unit")
    target = draw_target("unit", key, state, lambda state: state)
    given = jax.tree.map(tensor, (params, jax.tree.leaves(state), xs, jax.tree.leaves(target)))
    torch_params, first, torch_xs, u = given
    states = torch_norms.followed(network, torch_params, first, torch_xs)
    stored = followed(cell, params, state, xs)
    scale = max(1e-300, *(float(leaf.abs().max()) for step in states for leaf in step))
    pairs = [(a, b) for one, two in zip(stored, states, strict=True) for a, b in zip(one, two, strict=True)]
    found = {"states": max(float((a - b).abs().max()) for a, b in pairs) / scale}
    if xs.dtype == jnp.float32:
        states = stored
    theirs = torch_norms.profiles(network, torch_params, states, torch_xs, torch_norms.flat(u))
    return found | {name: difference(ours, name, theirs[name]) for name in NORMS}


def followed(cell: Any, params: Any, state: Any, xs: Any) -> list[list[torch.Tensor]]:
    """The states 0..T as gradlab has them."""
    states = jax.jit(lambda p, s, xs: jax.lax.scan(lambda s, x: (cell.step(p, s, x),) * 2, s, xs)[1])
    later = jax.tree.leaves(states(params, state, xs))
    pairs = zip(jax.tree.leaves(state), later, strict=True)
    every = [jnp.concatenate([first[None], rest]) for first, rest in pairs]
    return [[tensor(leaf[t]) for leaf in every] for t in range(len(xs) + 1)]


def difference(ours: Any, name: str, theirs: Any) -> float:
    """The largest of |a / b - 1| over parts and lags; infinite where only one side has a number."""
    rows, states = (np.atleast_2d(ours[key].values[0, 0, 0, 0, 0]) for key in (name, f"{name}_state"))
    theirs = np.atleast_2d(theirs)
    rows, states = (found[: len(theirs), : theirs.shape[1]] for found in (rows, states))
    zero = np.isneginf(theirs)
    # Whether a zero is one by rounding, torch does not know.
    if not np.where(zero, np.isin(states, (EXACT_ZERO, BELOW_PRECISION)), states == OK).all():
        return float("inf")
    apart = np.where(states == OK, rows, 0) - np.where(states == OK, theirs, 0)
    return float(np.abs(np.expm1(np.log(10) * apart)).max())


def tensor(leaf: Any) -> torch.Tensor:
    return torch.tensor(np.asarray(leaf), dtype=torch.float64)


def limits(precision: str, T: int) -> dict[str, float]:
    """What is promised: in float32 by the bound that a table prints."""
    if precision == "float64":
        return LIMITS
    return dict.fromkeys(NORMS, bound(precision, T)) | {"transport": 0.01}


def cases(specs: list[str], sizes: list[int]) -> Iterator[Case]:
    """The networks of the comparison; a diagonal start without moves is a kind of its own."""
    for spec in specs:
        for hidden in sizes:
            yield Case(spec, hidden)
        yield Case(spec, sizes[-1], precision="float32")
        yield Case(spec, sizes[0], init="identity", moved=0.0)


LARGE = (Case("elman", 1024, T=10), Case("lstm", 512, T=10), Case("elman", 1024, T=10, precision="float32"))


def one_slow_unit(seed: int) -> dict[str, float]:
    """1023 units that forget fast and one that does not: sigma is 0.99^lag, 0.669 at the last."""
    weights = jnp.full(1024, 0.5).at[17].set(0.99)
    cell = _Diagonal()
    network = torch_network.Network(lambda p, s, x: [p * s[0] + x], lambda p: [p])
    return compared(cell, network, weights, jnp.zeros(1024), jnp.ones((40, 1)), seed)


class _Diagonal:
    """h' = w h + x."""

    def step(self, params: Any, state: Any, x: Any) -> Any:
        return params * state + x

    def recurrent(self, params: Any) -> Any:
        return params


def report(name: str, found: dict[str, float], allowed: dict[str, float], seconds: float) -> bool:
    """Print a line; whether all differences are within their limits."""
    broken = [key for key, limit in allowed.items() if not found[key] <= limit]
    numbers = "  ".join(f"{found[key]:9.1e}" for key in ("states", *NORMS))
    words = f"  BROKEN: {', '.join(broken)}" if broken else ""
    print(f"{name:<{WIDTH}} {numbers} {seconds:6.1f} s{words}", flush=True)
    return not broken


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "spec", nargs="*", help="cells with their settings; without, all and the large networks"
    )
    parser.add_argument("--hidden", default="3,16", help="numbers of units")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    # Two pools of threads on the same cores wait for each other.
    torch.set_num_threads(1)
    missing = sorted(set(registry.names("cells")) - set(torch_cells.CELLS))
    if missing:
        print(f"not written in torch_cells.py: {', '.join(missing)}")
        return 1
    sizes = [int(size) for size in options.hidden.split(",")]
    every = [*cases(options.spec or registry.names("cells"), sizes)]
    if not options.spec:
        every += [*(Case(spec, sizes[-1]) for spec in SETTINGS), *LARGE]
    titles = "  ".join(f"{title:>9}" for title in ("states", "adjoint", "Frobenius", "weights", "sigma"))
    print(f"{'largest relative difference from torch':<{WIDTH}} {titles}")
    good = True
    for case in every:
        began = time.perf_counter()
        found = differences(case, options.seed)
        name = f"{case.spec}, N={case.hidden}, T={case.T}, {case.precision}, {case.init}"
        good &= report(name, found, limits(case.precision, case.T), time.perf_counter() - began)
    if not options.spec:
        began = time.perf_counter()
        found = one_slow_unit(options.seed)
        good &= report("h' = w h + x, N=1024, T=40, float64", found, LIMITS, time.perf_counter() - began)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
