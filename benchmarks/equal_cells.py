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
import torch_norms

import gradlab
from gradlab import registry
from gradlab.draw import stream
from gradlab.objectives import draw_target
from gradlab.states import EXACT_ZERO, OK
from gradlab.unroll import bound

D = 3
NORMS = ("adjoint", "transport_frobenius", "weight_gradient", "transport")
LIMITS = {"adjoint": 1e-9, "transport_frobenius": 1e-9, "weight_gradient": 1e-9, "transport": 1e-3}
SETTINGS = (
    *("antisymmetric(gate=true)", "cornn(damping=implicit)", "coupled_lstm(chrono=20)"),
    *("elman(activation=relu)", "elman(activation=sigmoid)", "elman(activation=identity)", "gru(reset=after)"),
    *("indrnn(activation=tanh, start=uniform)", "leaky(leak=0.5, activation=relu)", "lstm97(squash=logistic)"),
    *("lstm(input_gate=false)", "lstm(forget_gate=false)", "lstm(output_gate=false, input_activation=false)"),
    *("lstm(full_gate_recurrence=true, output_activation=false)", "minimal(embedding=identity)"),
    *("orthogonal(activation=modrelu, reflections=2)", "residual(join=after, strength=0.5)"),
    *("residual(cell=lstm, skip=3)", "residual(cell=gru, skip=1)", "stacked(cell=lstm, layers=3)"),
    *("stacked(cell=layer_norm(cell=gru))", "layer_norm(cell=lstm)", "layer_norm(cell=stacked(cell=lstm97))"),
    *("layer_norm(cell=residual(cell=cornn))",),
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
    cell = registry.make("cells", case.spec)
    key, key_moved, key_xs = jax.random.split(jax.random.key(seed), 3)
    start = registry.make("initializers", case.init)
    given = cell.init(key, D, case.hidden, case.w_rec, start)
    leaves, structure = jax.tree.flatten(given)
    keys = jax.random.split(key_moved, len(leaves))
    moves = [jax.random.normal(k, leaf.shape) for k, leaf in zip(keys, leaves, strict=True)]
    scale = case.moved / case.hidden**0.5
    leaves = [leaf + scale * move for leaf, move in zip(leaves, moves, strict=True)]
    xs = jax.random.normal(key_xs, (case.T, D))
    made = jax.tree.map(lambda leaf: leaf.astype(case.precision), (*jax.tree.unflatten(structure, leaves), xs))
    return cell, *made


def differences(case: Case, seed: int) -> dict[str, float]:
    """The largest relative difference of every norm, over lags and parts; infinite where only one is zero."""
    cell, params, state, xs = drawn(case, seed)
    return compared(cell, torch_cells.network(cell), params, state, xs, seed)


def compared(
    cell: Any, network: torch_cells.Network, params: Any, state: Any, xs: Any, seed: int
) -> dict[str, float]:
    """The same, of a cell and what it is in torch."""
    ours = gradlab.measure(cell.step, params, state, xs, w_rec=cell.recurrent, seed=seed)
    key = stream(seed, "target", objective="unit")
    target = draw_target("unit", key, state, lambda state: state)
    given = jax.tree.map(tensor, (params, jax.tree.leaves(state), xs, jax.tree.leaves(target)))
    torch_params, first, torch_xs, u = given
    states = torch_norms.followed(network, torch_params, first, torch_xs)
    stored = followed(cell, params, state, xs)
    scale = max(float(leaf.abs().max()) for step in states for leaf in step)
    pairs = [(a, b) for one, two in zip(stored, states, strict=True) for a, b in zip(one, two, strict=True)]
    found = {"states": max(float((a - b).abs().max()) for a, b in pairs) / scale}
    if xs.dtype == jnp.float32:
        states = stored
    theirs = torch_norms.profiles(network, torch_params, states, torch_xs, torch_norms.flat(u))
    return found | {name: difference(ours, name, theirs[name]) for name in NORMS}


def followed(cell: Any, params: Any, state: Any, xs: Any) -> list[list[torch.Tensor]]:
    """gradlab's states 0..T."""
    states = jax.jit(lambda p, s, xs: jax.lax.scan(lambda s, x: (cell.step(p, s, x),) * 2, s, xs)[1])
    later = jax.tree.leaves(states(params, state, xs))
    every = [jnp.concatenate([old[None], new]) for old, new in zip(jax.tree.leaves(state), later, strict=True)]
    return [[tensor(leaf[t]) for leaf in every] for t in range(len(xs) + 1)]


def difference(ours: Any, name: str, theirs: Any) -> float:
    """The largest of |a / b - 1| over parts and lags; a zero must be one on both sides."""
    rows, states = (np.atleast_2d(ours[key].values[0, 0, 0, 0, 0]) for key in (name, f"{name}_state"))
    theirs = np.atleast_2d(theirs)
    rows, states = (found[: len(theirs), : theirs.shape[1]] for found in (rows, states))
    expected = np.where(np.isneginf(theirs), EXACT_ZERO, OK)
    if (states != expected).any():
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
    """Every network of the comparison but the largest; a diagonal start without moves is a kind of its own."""
    for spec in specs:
        for hidden in sizes:
            yield Case(spec, hidden)
        yield Case(spec, sizes[-1], precision="float32")
        yield Case(spec, sizes[0], init="identity", moved=0.0)


LARGE = (Case("elman", 1024, T=10), Case("lstm", 512, T=10), Case("elman", 1024, T=10, precision="float32"))


def one_slow_unit(seed: int) -> dict[str, float]:
    """1023 units that forget fast and one that does not: the largest singular value is 0.99^lag."""
    weights = jnp.full(1024, 0.5).at[17].set(0.99)
    cell = _Diagonal()
    network = torch_cells.Network(lambda p, s, x: [p * s[0] + x], lambda p: [p])
    return compared(cell, network, weights, jnp.zeros(1024), jnp.zeros((40, 1)), seed)


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
    print(f"{name:<72} {numbers} {seconds:6.1f} s{'  BROKEN: ' + ', '.join(broken) if broken else ''}", flush=True)
    return not broken


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("spec", nargs="*", help="cells with their settings; without, all and the large networks")
    parser.add_argument("--hidden", default="3,16", help="numbers of units")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    missing = sorted(set(registry.names("cells")) - set(torch_cells.CELLS))
    if missing:
        print(f"not written in torch_cells.py: {', '.join(missing)}")
        return 1
    specs = options.spec or [*registry.names("cells"), *SETTINGS]
    every = list(cases(specs, [int(size) for size in options.hidden.split(",")]))
    print(f"{'largest relative difference from torch':<72} {'states':>9}  adjoint   Frobenius  weights    sigma")
    good = True
    for case in every if options.spec else (*every, *LARGE):
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
