"""Training 16 LSTMs: gradlab beside `torch.nn.LSTM`, and with peepholes beside a PyTorch eager loop.

Adding problem, T = 100, N = 50, batch 20, float32, plain SGD on the squared error at the last step. PyTorch
trains in one process a core, with one thread each and its sequences ready in memory; gradlab draws its own.
Both take the same weights and sequences, and their weights after all updates must agree before the timing.
"""

import argparse
import functools
import multiprocessing
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from gradlab import runtime

if multiprocessing.current_process().name == "MainProcess":
    runtime.configure()

import interleaved
import numpy as np
import reached
import torch

LANES, T, N, B, RATE = 16, 100, 50, 20, 0.01
Arrays = dict[str, np.ndarray]


def networks(
    spec: str, updates: int, lanes: int = LANES, n: int = N, batch: int = B
) -> tuple[Callable[[], Any], Arrays, np.ndarray, np.ndarray]:
    """Gradlab's call, and what PyTorch needs: weights (networks, ...), inputs and targets of every update."""
    import jax
    import jax.numpy as jnp

    from gradlab import registry
    from gradlab.studies.remedies import loop
    from gradlab.studies.remedies.losses import sample
    from gradlab.studies.remedies.networks import Setting, initialised
    from gradlab.types import Remedy

    task, cell = registry.make("tasks", "adding"), registry.make("cells", spec)
    setting = Setting(task, cell, Remedy(), T, n, batch, "sgd", eval_every=updates, eval_size=1)
    # As a comparison does: blocks of one size.
    whole = len(jax.devices()) * loop.block(setting)
    keys = jax.random.split(jax.random.key(0), -(-lanes // whole) * whole)
    make = lambda key: initialised(
        setting, registry.make("initializers", "gaussian"), 1.0, RATE, key, jnp.float32
    )
    networks = jax.jit(jax.vmap(make))(keys)

    def drawn(key: Any, count: Any) -> Any:
        return sample(setting, jax.random.split(jax.random.fold_in(key, count), batch), jnp.float32)

    counts = jnp.arange(updates)
    examples = jax.jit(jax.vmap(lambda key: jax.vmap(lambda count: drawn(key, count))(counts)))(networks.key)
    compiled = loop.program(setting, len(jax.devices())).lower(networks, keys).compile()
    placed, judging = jax.device_put((networks, keys), compiled.input_shardings[0])

    def run() -> Any:
        return jax.block_until_ready(compiled(placed, judging)[0].weights)

    weights = jax.tree.map(np.array, networks.weights)
    arrays = weights.cell._asdict() | {"w_out": weights.w_out, "b_out": weights.b_out}
    targets = np.array(examples.target)[:, :, :, -1]
    return run, arrays, np.array(examples.xs), targets


class Fused(torch.nn.Module):
    """`torch.nn.LSTM`; its second bias is 0 and stays so, as gradlab has one."""

    def __init__(self, given: Arrays) -> None:
        super().__init__()
        n = given["w_rec"].shape[-1]
        self.lstm = torch.nn.LSTM(2, n, batch_first=True)
        self.out = torch.nn.Linear(n, 1)
        parts = (given["w_in"], given["w_rec"], given["b"], np.zeros_like(given["b"]))
        with torch.no_grad():
            for mine, part in zip(self.lstm.all_weights[0], parts, strict=True):
                mine.copy_(torch.from_numpy(part.reshape(mine.shape).copy()))
            self.out.weight.copy_(torch.from_numpy(given["w_out"].copy()))
            self.out.bias.copy_(torch.from_numpy(given["b_out"].copy()))
        self.lstm.bias_hh_l0.requires_grad_(False)

    def forward(self, xs: torch.Tensor) -> torch.Tensor:
        return self.out(self.lstm(xs)[0][:, -1])

    def recurrent(self) -> torch.Tensor:
        return self.lstm.weight_hh_l0


class Peephole(torch.nn.Module):
    """A loop over time, with the four gates in one product."""

    def __init__(self, given: Arrays) -> None:
        super().__init__()
        flat = {"w_in": (4 * N, 2), "w_rec": (4 * N, N), "b": (4 * N,)}
        for name, part in given.items():
            tensor = torch.from_numpy(part.reshape(flat.get(name, part.shape)).copy())
            self.register_parameter(name, torch.nn.Parameter(tensor))

    def forward(self, xs: torch.Tensor) -> torch.Tensor:
        h = c = xs.new_zeros(len(xs), N)
        p_i, p_f, p_o = self.peep
        for given in (xs @ self.w_in.T + self.b).unbind(1):
            i, f, g, o = (given + h @ self.w_rec.T).chunk(4, 1)
            c = torch.sigmoid(f + p_f * c) * c + torch.sigmoid(i + p_i * c) * torch.tanh(g)
            h = torch.sigmoid(o + p_o * c) * torch.tanh(c)
        return h @ self.w_out.T + self.b_out

    def recurrent(self) -> torch.Tensor:
        return self.w_rec


def worker(pipe: Connection, kind: type, share: list[tuple[Arrays, np.ndarray, np.ndarray]]) -> None:
    """Train some networks, one after the other, whenever told to; the answer is their recurrent weights."""
    torch.set_num_threads(1)
    ready = [(given, torch.from_numpy(xs), torch.from_numpy(ys)) for given, xs, ys in share]
    while pipe.recv():
        pipe.send([trained(kind, *one) for one in ready])


def trained(kind: type, given: Arrays, xs: torch.Tensor, ys: torch.Tensor) -> np.ndarray:
    """The recurrent weights of a network after an update for each of these batches, on their device."""
    model = kind(given).to(xs.device)
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=RATE)
    for x, y in zip(xs, ys, strict=True):
        optimizer.zero_grad()
        torch.mean((model(x) - y) ** 2).backward()
        optimizer.step()
    found: np.ndarray = model.recurrent().detach().cpu().numpy().reshape(given["w_rec"].shape)
    return found


@contextmanager
def processes(kind: type, weights: Arrays, xs: np.ndarray, ys: np.ndarray) -> Iterator[Callable[[], Any]]:
    """One process a core, each with its share of the networks; a call trains them all."""
    cores, context = runtime.cores(), multiprocessing.get_context("spawn")
    pipes, started = [], []
    for rank in range(cores):
        here, there = context.Pipe()
        share = [
            ({name: part[g] for name, part in weights.items()}, xs[g], ys[g])
            for g in range(rank, LANES, cores)
        ]
        started.append(context.Process(target=worker, args=(there, kind, share)))
        started[-1].start()
        pipes.append(here)

    def run() -> np.ndarray:
        for pipe in pipes:
            pipe.send(True)
        found = np.empty((LANES, 4, N, N), np.float32)
        for rank, pipe in enumerate(pipes):
            found[rank::cores] = pipe.recv()
        return found

    others = interleaved._others
    # What these processes take is not what others take.
    interleaved._others = lambda: others() - sum(_seconds(process.pid) for process in started)
    try:
        yield run
    finally:
        interleaved._others = others
        for pipe in pipes:
            pipe.send(False)
        for process in started:
            process.join()


def _seconds(pid: int | None) -> float:
    """Processor seconds of a process; 0 if unknown."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def side_by_side(
    spec: str, kind: type, name: str, target: float, updates: int, options: argparse.Namespace
) -> None:
    ours, weights, xs, ys = networks(spec, updates)
    with processes(kind, weights, xs, ys) as theirs:
        agree(weights["w_rec"], np.asarray(ours().cell.w_rec), theirs())
        print(f"\n{LANES} x {spec}, T={T}, N={N}, B={B}, {updates} updates")
        times = interleaved.compare({"gradlab": ours, name: theirs}, options.rounds, options.seconds)
    interleaved.show(times, "gradlab")
    times_as_long = interleaved.ratio(times, name, "gradlab")
    print(f"against {name}: {times_as_long:.2f} x; target {target:g} x")
    if options.write:
        work = f"training {LANES} {spec}, T={T}, N={N}, B={B}"
        reached.record(work, name, f"{times_as_long:.2f} x", f"{target:g} x", len(times["gradlab"]))


def agree(start: np.ndarray, ours: np.ndarray, theirs: np.ndarray) -> None:
    """All updates together have changed the recurrent weights of each network alike."""
    for w, a, b in zip(start, ours, theirs, strict=True):
        np.testing.assert_allclose(a - w, b - w, atol=1e-3 * np.abs(b - w).max() + 3e-7)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="quiet rounds to take")
    parser.add_argument("--seconds", type=float, default=60, help="time for each of the two comparisons")
    parser.add_argument("--updates", type=int, default=10, help="updates of each network in a round")
    parser.add_argument("--write", action="store_true", help="keep what was reached in RESULTS.md")
    options = parser.parse_args()
    import jax

    print(f"jax {jax.__version__}, torch {torch.__version__}, {runtime.cores()} cores")
    run = functools.partial(side_by_side, updates=options.updates, options=options)
    run("lstm", Fused, "torch.nn.LSTM, a process a core", 1.2)
    run("peephole_lstm", Peephole, "torch eager loop, a process a core", 5.0)


if __name__ == "__main__":
    main()
