"""Per-step gradient norms of 64 tanh networks: gradlab beside PyTorch, in turn, as ratios.

T = 100, B = 32, D = 1, one random cotangent a sequence at step T. PyTorch `eager` loops over time and
networks with autograd and `retain_grad`; `by hand` runs all networks in one `bmm` a step, backward too.
Norms are compared before anything is timed.
"""

import statistics
import time

from gradlab import runtime

runtime.configure()

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402

from gradlab.cells.elman import Elman, Params, State  # noqa: E402
from gradlab.sweep import Networks, program  # noqa: E402
from gradlab.unroll import Norm, log10_norm  # noqa: E402

G, T, B, ROUNDS = 64, 100, 32, 7


def numbers(n: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    drawn = {
        "w_rec": 0.9 * rng.standard_normal((G, n, n)) / np.sqrt(n),
        "w_in": rng.standard_normal((G, n, 1)),
        "xs": 0.1 * rng.standard_normal((G, B, T, 1)),
        "u": rng.standard_normal((G, B, n)),
    }
    return {key: value.astype(np.float32) for key, value in drawn.items()}


def ours(given: dict[str, np.ndarray], n: int):
    params = Params(given["w_in"], given["w_rec"], np.zeros((G, n), np.float32))
    networks = Networks(params, State(np.zeros((G, n), np.float32)), given["xs"], State(given["u"]))
    with jax.enable_x64(False):
        measure = program(Elman(), "unit", len(jax.devices()), ("adjoint",), None)
        compiled = measure.lower(networks, jnp.int32(T)).compile()
        networks = jax.device_put(networks, compiled.input_shardings[0][0])
    length = jnp.int32(T)

    def run() -> np.ndarray:
        norm = jax.block_until_ready(compiled(networks, length)).columns["adjoint"]
        return 10 ** log10_norm(Norm(*norm))[:, :, :, 0]

    return run


def by_hand(given: dict[str, np.ndarray], n: int):
    w, w_in, xs, u = (torch.from_numpy(given[key]) for key in ("w_rec", "w_in", "xs", "u"))
    w_t, w_in_t = w.transpose(1, 2).contiguous(), w_in.transpose(1, 2).contiguous()
    inputs = [xs[:, :, t].contiguous() for t in range(T)]

    @torch.no_grad()
    def run() -> np.ndarray:
        h, hs = torch.zeros(G, B, n), []
        for x in inputs:
            h = torch.tanh(torch.baddbmm(torch.bmm(x, w_in_t), h, w_t))
            hs.append(h)
        d, norms = u, [u.norm(dim=2)]
        for h in reversed(hs):
            d = torch.bmm(d * (1 - h * h), w)
            norms.append(d.norm(dim=2))
        return torch.stack(norms, dim=2).numpy()

    return run


def eager(given: dict[str, np.ndarray], n: int):
    w, w_in, xs, u = (torch.from_numpy(given[key]) for key in ("w_rec", "w_in", "xs", "u"))

    def run() -> np.ndarray:
        found = []
        for g in range(G):
            weight = w[g].clone().requires_grad_()
            states = [torch.zeros(B, n, requires_grad=True)]
            for t in range(T):
                states.append(torch.tanh(xs[g, :, t] @ w_in[g].T + states[-1] @ weight.T))
                states[-1].retain_grad()
            (states[-1] * u[g]).sum().backward()
            found.append(torch.stack([h.grad.norm(dim=1) for h in reversed(states)], dim=1))
        return torch.stack(found).numpy()

    return run


def products(n: int) -> tuple[float, float]:
    """The machine's own batched products at this size, in GF/s: torch and XLA, the better of five."""
    a, b = torch.randn(G, B, n), torch.randn(G, n, n)
    best = min(clock(lambda: [torch.bmm(a, b) for _ in range(T)])[0] for _ in range(5))
    return 2 * G * B * n * n * T / best / 1e9, best


def clock(run) -> tuple[float, object]:
    began = time.perf_counter()
    result = run()
    return time.perf_counter() - began, result


def compare(n: int, runs: dict) -> None:
    results = {name: run() for name, run in runs.items()}
    for name, found in results.items():
        np.testing.assert_allclose(found, results["gradlab"], rtol=2e-3, err_msg=name)
    times = {name: [] for name in runs}
    for _ in range(ROUNDS):
        for name, run in runs.items():
            times[name].append(clock(run)[0])
    for name, taken in times.items():
        ratios = [b / a for a, b in zip(times["gradlab"], taken, strict=True)]
        low, middle, high = min(taken), statistics.median(taken), max(taken)
        print(
            f"N={n:<4} {name:<8} {low * 1e3:8.1f} {middle * 1e3:8.1f} {high * 1e3:8.1f} ms"
            f"   {statistics.median(ratios):5.2f} x gradlab's time"
        )
    useful = 2 * 2 * G * B * n * n * T / statistics.median(times["gradlab"]) / 1e9
    rate, _ = products(n)
    print(f"N={n:<4} gradlab does {useful:.0f} GF/s of useful work; torch.bmm alone {rate:.0f} GF/s")


if __name__ == "__main__":
    torch.set_num_threads(runtime.cores())
    print("                  min   median      max")
    for size, makers in ((64, (ours, by_hand, eager)), (128, (ours, by_hand))):
        given = numbers(size)
        names = {"ours": "gradlab", "by_hand": "by hand", "eager": "eager"}
        compare(size, {names[make.__name__]: make(given, size) for make in makers})
