"""On a GPU: norms and training beside PyTorch, sweeps beside the same machine's CPU, very long sequences.

Run: python benchmarks/gpu.py [norms] [training] [sweeps] [long] [--write] [--rehearse]

Of norms the share of the limit is told: the operations and bytes that the work cannot do without, at the
rates at which this card multiplies and copies. `--rehearse` runs all of it on a processor, in small sizes: it
shows that the script works, and nothing of a GPU. The exit code is 1 where numbers disagree.
"""

import argparse
import os
import statistics
import sys
import tempfile
from collections.abc import Callable
from typing import Any

from gradlab import runtime

REHEARSED = "--rehearse" in sys.argv
DEVICE = "cpu" if REHEARSED else "cuda"
# PyTorch needs a part of the card, too.
os.environ.setdefault("XLA_PYTHON_CLIENT_MEM_FRACTION", "0.5")
runtime.configure(DEVICE)
runtime.require_device(DEVICE)

import adjoint_norms  # noqa: E402
import commands  # noqa: E402
import interleaved  # noqa: E402
import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
import reached  # noqa: E402
import torch  # noqa: E402
import training  # noqa: E402
from adjoint_norms import B, T  # noqa: E402

from gradlab import registry  # noqa: E402
from gradlab.cli import doctor  # noqa: E402
from gradlab.recurrence import platforms  # noqa: E402
from gradlab.types import Objective, ProbeContext  # noqa: E402

NORMS = ((8, 16),) if REHEARSED else ((64, 64), (512, 64), (512, 256))
"""Networks and their units."""
TRAINED = ((2, 8, 4),) if REHEARSED else ((16, 50, 20), (64, 128, 32))
"""Networks, their units and sequences an update."""
SWEEPS = {
    "`gradlab sweep`, warm": ((), 1.0),
    "`gradlab sweep`, 105 LSTMs, N = 256, T = 1000, B = 32": (
        ("--cell", "lstm", "-N", "256", "-T", "1000", "--batch", "32"),
        5.0,
    ),
}
"""Words, and how many times as long the CPU should take."""
LONG = {
    "elman(activation=identity)": ("5 s", 1e-3),
    "min_gru": ("5 s", 1e-3),
    # A phase that is rounded to float32 turns by a tenth in a million steps: told, and not held to a bound.
    "lru": ("5 s", None),
    "elman": ("told", None),
}
"""Cells, the aim, and how far norms may be from those in float64."""
if REHEARSED:
    SWEEPS = {"rehearsed": (("--cell", "elman", "-N", "4", "-T", "10", "--seeds", "1"), 1.0)}


def graphed(call: Callable[[], torch.Tensor]) -> Callable[[], torch.Tensor]:
    """The call under a CUDA graph: one launch for all of it."""
    if REHEARSED:
        return call
    side = torch.cuda.Stream()
    with torch.cuda.stream(side):
        for _ in range(3):
            call()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        found = call()

    def run() -> torch.Tensor:
        graph.replay()
        torch.cuda.synchronize()
        return found

    return run


def norms(asked: argparse.Namespace) -> None:
    """Per-step norms, beside products by hand."""
    multiplied, copied, _ = doctor.rates()
    print(f"limits: {multiplied / 1e12:.1f} TFLOP/s in float32 products, {copied / 1e12:.2f} TB/s copied")
    for count, n in NORMS:
        drawn = adjoint_norms.draw(n, count)
        theirs = graphed(adjoint_norms.by_hand(drawn, DEVICE))
        found = 10 ** adjoint_norms.gradlab(drawn)()
        np.testing.assert_allclose(theirs().cpu().numpy(), found, rtol=1e-3)
        print(f"\n{count} networks, T={T}, N={n}, B={B}")
        name = "torch by hand, a CUDA graph"
        calls = {"gradlab": adjoint_norms.measuring(drawn), name: theirs}
        calls["gradlab with weights"] = adjoint_norms.measuring(drawn, weights=True)
        times = interleaved.compare(calls, asked.rounds, asked.seconds)
        interleaved.show(times, "gradlab")
        numbers = count * B * n
        # Each step one product there and one back; what it keeps is written once and read once.
        operations, moved = 2 * T * 2 * numbers * n, 2 * T * 4 * numbers
        bound = max(operations / multiplied, moved / copied)
        of = "products" if operations / multiplied > moved / copied else "copies"
        share = f"{100 * bound / float(np.median(times['gradlab'])):.0f} % of the limit, that of {of}"
        print(share)
        tell(asked, f"per-step norms, {count} networks, T={T}, N={n}, B={B}", name, times, 1.0, share)


def trainings(asked: argparse.Namespace) -> None:
    """LSTMs, beside cuDNN's one after the other."""
    for lanes, n, batch in TRAINED:
        ours, weights, xs, ys = training.networks("lstm", asked.updates, lanes, n, batch)
        ready = [
            (
                {name: part[g] for name, part in weights.items()},
                torch.from_numpy(xs[g]).to(DEVICE),
                torch.from_numpy(ys[g]).to(DEVICE),
            )
            for g in range(lanes)
        ]

        def theirs(ready: Any = ready, lanes: int = lanes, n: int = n) -> np.ndarray:
            found = np.empty((lanes, 4, n, n), np.float32)
            for g, one in enumerate(ready):
                found[g] = training.trained(training.Fused, *one)
            return found

        start = weights["w_rec"][:lanes]
        training.agree(start, np.asarray(ours().cell.w_rec)[:lanes], theirs())
        print(f"\n{lanes} x lstm, T={training.T}, N={n}, B={batch}, {asked.updates} updates")
        name = "torch.nn.LSTM, one after the other"
        times = interleaved.compare({"gradlab": ours, name: theirs}, asked.rounds, asked.seconds)
        interleaved.show(times, "gradlab")
        tell(asked, f"training {lanes} lstm, T={training.T}, N={n}, B={batch}", name, times, 10.0)


def sweeps(asked: argparse.Namespace) -> None:
    """Whole commands, programs kept, on the card and on the processor beside it."""
    for work, (words, aim) in SWEEPS.items():
        times: interleaved.Times = {"gradlab": [], "the same machine's CPU": []}
        with tempfile.TemporaryDirectory() as cache:
            for i in range(asked.commands + 1):
                for name, device in zip(times, (DEVICE, "cpu"), strict=True):
                    place = ("--out", cache, "--name", f"{device}-{name[:3]}-{i}", "--device", device)
                    taken = commands.cost("sweep", "-q", *words, *place, cache=cache).wall
                    # The first one compiles.
                    times[name] += [taken] if i else []
        print()
        interleaved.show(times, "gradlab")
        tell(asked, work, "the same machine's CPU", times, aim)


def long_ones(asked: argparse.Namespace) -> None:
    """One network of 64 units over a million steps, and its norms in float32 beside those in float64."""
    import gradlab

    length = 1000 if REHEARSED else 1_000_000
    for cell, (aim, bound) in LONG.items():
        words = f"-q --cell {cell} --w-rec 0.9 -T {length} --seeds 1 --device {DEVICE}".split()
        walls: dict[str, float] = {}
        with tempfile.TemporaryDirectory() as out:
            for name, precision in (("cold", "float32"), ("warm", "float32"), ("double", "float64")):
                place = ("--precision", precision, "--out", out, "--name", name)
                walls[name] = commands.cost("sweep", *words, *place, cache=out).wall
            single, double = (
                gradlab.load(f"{out}/{name}").norms["adjoint"].sel(part="state").to_numpy()
                for name in ("warm", "double")
            )
        apart = np.nanmax(np.abs(np.log(10) * (single - double)))
        forward, both = ways(cell, length)
        found = f"{walls['warm']:.1f} s, at most {apart:.1e} from float64"
        found += f"; forward {forward:.2f} s, forward and back {both:.2f} s"
        print(f"{cell}, T = {length}: {found}", flush=True)
        if asked.write and not REHEARSED:
            reached.record(f"`gradlab sweep`, {cell}, T = {length}", "wall time", found, aim, 1)
        if bound is not None and not apart < bound:
            raise SystemExit(f"{cell}: norms in float32 are further than {bound} from those in float64")


def ways(spec: str, length: int) -> tuple[float, float]:
    """Seconds of a network's states, by the loop that all cells take, and of its adjoint with the weights."""
    cell = registry.make("cells", spec)
    params, state = cell.init(jax.random.key(0), 1, 64, 0.9, registry.make("initializers", "orthogonal"))
    xs = 0.1 * jax.random.normal(jax.random.key(1), (length, 1))
    objective = Objective(lambda state: jax.tree.map(jnp.ones_like, state), every=False)
    setup = ProbeContext(objective, cell.recurrent, length, cell=cell)

    def forward(params: Any, state: Any, xs: Any) -> Any:
        onward = lambda state, x: (cell.step(params, state, x), None)
        return jax.lax.scan(onward, state, xs, unroll=platforms.STEPS)[0]

    def both(params: Any, state: Any, xs: Any) -> Any:
        return registry.member("probes", "adjoint")(cell.step, params, state, xs, setup)

    calls = {}
    for name, one in (("forward", forward), ("both", both)):
        made = jax.jit(one, compiler_options=platforms.options()).lower(params, state, xs).compile()
        calls[name] = lambda made=made: jax.block_until_ready(made(params, state, xs))
    times = interleaved.compare(calls, rounds=5, seconds=60)
    return tuple(statistics.median(times[name]) for name in calls)


def tell(
    asked: argparse.Namespace, work: str, name: str, times: interleaved.Times, aim: float, more: str = ""
) -> None:
    """The ratio, kept if asked."""
    found = f"{interleaved.ratio(times, name, 'gradlab'):.2f} x"
    print(f"against {name}: {found}; target {aim:g} x")
    if asked.write and not REHEARSED:
        reached.record(work, name, f"{found}{more and f', {more}'}", f"{aim:g} x", len(times["gradlab"]))


def main() -> None:
    parts = {"norms": norms, "training": trainings, "sweeps": sweeps, "long": long_ones}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", choices=[*parts, []], help="what to time; all if left out")
    parser.add_argument("--rounds", type=int, default=15, help="quiet rounds to take")
    parser.add_argument("--seconds", type=float, default=30, help="time for each comparison")
    parser.add_argument("--updates", type=int, default=20, help="updates of each network in a round")
    parser.add_argument("--commands", type=int, default=3, help="rounds of whole commands")
    parser.add_argument("--write", action="store_true", help="keep what was reached in RESULTS.md")
    parser.add_argument("--rehearse", action="store_true", help="on a processor, in small sizes")
    asked = parser.parse_args()
    for name in asked.parts or parts:
        print(f"\n{name}")
        parts[name](asked)


if __name__ == "__main__":
    main()
