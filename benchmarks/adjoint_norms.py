"""Per-step gradient norms of 64 tanh networks: gradlab beside three ways to get them from PyTorch.

T = 100, B = 32, D = 1, float32; the loss is a random unit cotangent at step T. All take the same weights and
inputs, and their norms must agree before anything is timed.
"""

import argparse
import functools
import statistics
from collections.abc import Callable

from gradlab import runtime

runtime.configure()

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
import reached  # noqa: E402
import torch  # noqa: E402
from interleaved import compare, ratio, show  # noqa: E402
from jax.sharding import Mesh, PartitionSpec  # noqa: E402

from gradlab.cells.elman import Elman, Params, State  # noqa: E402
from gradlab.recurrence import platforms  # noqa: E402
from gradlab.recurrence.scaled import Norm, log10_norm  # noqa: E402
from gradlab.studies.sweep.program import Networks, block, capacity, program  # noqa: E402

G, T, B, D = 64, 100, 32, 1
Draw = dict[str, np.ndarray]


def draw(n: int, networks: int = G) -> Draw:
    rng = np.random.default_rng(0)
    u = rng.standard_normal((networks, B, n))
    drawn = {
        "w_in": rng.standard_normal((networks, n, D)),
        "w_rec": np.linalg.qr(rng.standard_normal((networks, n, n)))[0],
        "b": 0.1 * rng.standard_normal((networks, n)),
        "xs": 0.1 * rng.standard_normal((networks, B, T, D)),
        "u": u / np.linalg.norm(u, axis=-1, keepdims=True),
    }
    return {name: value.astype(np.float32) for name, value in drawn.items()}


def measuring(drawn: Draw, *, weights: bool = False) -> Callable[[], Norm]:
    """The adjoint probe in gradlab's own program, what is left on devices; `weights`: their gradient too."""
    whole = len(jax.devices()) * block()
    count = len(drawn["b"])
    # As a sweep does: blocks of one size.
    drawn = {
        name: np.resize(part, (-(-count // whole) * whole, *part.shape[1:])) for name, part in drawn.items()
    }
    zero = State(np.zeros(drawn["b"].shape, np.float32))
    params = Params(drawn["w_in"], drawn["w_rec"], drawn["b"])
    xs = np.pad(drawn["xs"], ((0, 0), (0, 0), (0, capacity(T) - T), (0, 0)))
    networks = Networks(params, zero, xs, State(drawn["u"]))
    with jax.enable_x64(False):
        facts = ("adjoint",), weights, None, platforms.fact(T)
        found = program(Elman(), "unit", len(jax.devices()), *facts)
        compiled = found.lower(networks, jnp.int32(T)).compile()
        networks = jax.device_put(networks, compiled.input_shardings[0][0])

    return lambda: jax.block_until_ready(compiled(networks, jnp.int32(T)).columns["adjoint"])


def gradlab(drawn: Draw, *, weights: bool = False) -> Callable[[], np.ndarray]:
    """The same, up to log10 in float64 where NumPy is."""
    call, count = measuring(drawn, weights=weights), len(drawn["b"])
    return lambda: log10_norm(Norm(*(np.asarray(part)[:count, :, : T + 1, 0] for part in call())))


def tensors(drawn: Draw, device: str = "cpu") -> tuple[torch.Tensor, ...]:
    return tuple(torch.from_numpy(drawn[name]).to(device) for name in ("w_in", "w_rec", "b", "xs", "u"))


def eager(drawn: Draw) -> Callable[[], torch.Tensor]:
    """One network at a time, by autograd; (G, B, lag)."""
    w_in, w_rec, b, xs, u = tensors(drawn)

    def network(g: int) -> torch.Tensor:
        h = torch.zeros(B, w_rec.shape[-1], requires_grad=True)
        states = [h]
        for t in range(T):
            h = torch.tanh(h @ w_rec[g].T + xs[g, :, t] @ w_in[g].T + b[g])
            h.retain_grad()
            states.append(h)
        (h * u[g]).sum().backward()
        return torch.stack([h.grad for h in reversed(states)], dim=1).norm(dim=-1)

    return lambda: torch.stack([network(g) for g in range(G)])


def batched(drawn: Draw) -> Callable[[], torch.Tensor]:
    """All networks in one `baddbmm` a step, by autograd."""
    w_in, w_rec, b, xs, u = tensors(drawn)

    def run() -> torch.Tensor:
        h = torch.zeros_like(u, requires_grad=True)
        states = [h]
        for t in range(T):
            h = torch.tanh(torch.baddbmm(xs[:, :, t] * w_in.mT + b[:, None], h, w_rec.mT))
            h.retain_grad()
            states.append(h)
        (h * u).sum().backward()
        return torch.stack([h.grad.norm(dim=-1) for h in reversed(states)], dim=-1)

    return run


def by_hand(drawn: Draw, device: str = "cpu") -> Callable[[], torch.Tensor]:
    """All networks in one `baddbmm` a step, without autograd: the backward pass written out."""
    w_in, w_rec, b, xs, u = tensors(drawn, device)
    transposed = w_rec.mT.contiguous()

    @torch.no_grad()
    def run() -> torch.Tensor:
        states = [torch.zeros_like(u)]
        for t in range(T):
            states.append(torch.baddbmm(xs[:, :, t] * w_in.mT + b[:, None], states[-1], transposed).tanh_())
        adjoint = u
        norms = [adjoint.norm(dim=-1)]
        for h in reversed(states[1:]):
            adjoint = torch.bmm(torch.ops.aten.tanh_backward(adjoint, h), w_rec)
            norms.append(adjoint.norm(dim=-1))
        return torch.stack(norms, dim=-1)

    return run


def torch_products(drawn: Draw) -> Callable[[], torch.Tensor]:
    """The machine's own rate: as many batched products as gradlab needs, and nothing else."""
    _, w_rec, _, _, u = tensors(drawn)
    return torch.no_grad()(lambda: functools.reduce(lambda h, _: torch.bmm(h, w_rec), range(2 * T), u))


def xla_products(drawn: Draw) -> Callable[[], jax.Array]:
    share, mesh = PartitionSpec("device"), Mesh(np.array(jax.devices()), ("device",))

    def chain(h: jax.Array, w: jax.Array) -> jax.Array:
        return jax.lax.fori_loop(0, 2 * T, lambda _, h: h @ w, h)

    call = jax.jit(jax.shard_map(chain, mesh=mesh, in_specs=(share, share), out_specs=share, check_vma=False))
    given = drawn["u"], drawn["w_rec"]
    return lambda: jax.block_until_ready(call(*given))


def agree(calls: dict[str, Callable]) -> None:
    ours = 10 ** calls["gradlab"]()
    for name, call in calls.items():
        found = call()
        found = found.numpy() if isinstance(found, torch.Tensor) else 10**found
        np.testing.assert_allclose(found, ours, rtol=1e-3, err_msg=name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="quiet rounds to take")
    parser.add_argument("--seconds", type=float, default=50, help="time for each of the two comparisons")
    parser.add_argument("--write", action="store_true", help="keep what was reached in RESULTS.md")
    options = parser.parse_args()
    torch.set_num_threads(runtime.cores())
    print(f"jax {jax.__version__}, torch {torch.__version__}, {runtime.cores()} cores")

    drawn = draw(64)
    calls = {
        "gradlab": gradlab(drawn),
        "torch by hand": by_hand(drawn),
        "torch autograd, batched": batched(drawn),
        "torch autograd, one by one": eager(drawn),
        "gradlab with weights": gradlab(drawn, weights=True),
    }
    agree(calls)
    print(f"\n{G} networks, T={T}, N=64, B={B}")
    times = compare(calls, options.rounds, options.seconds)
    show(times, "gradlab")
    rows = (
        ("gradlab", "torch autograd, one by one", "10 x"),
        ("gradlab", "torch by hand", "1.5 x"),
        ("gradlab with weights", "gradlab", "at least 0.5 x"),
    )
    for ours, theirs, aim in rows:
        found = f"{ratio(times, theirs, ours):.2f} x"
        print(f"{ours} against {theirs}: {found}; target {aim}")
        if options.write:
            work = f"per-step norms{ours.removeprefix('gradlab')}, {G} networks, T={T}, N=64, B={B}"
            reached.record(work, theirs.replace("gradlab", "without"), found, aim, len(times[ours]))

    drawn = draw(128)
    norms = {"gradlab": gradlab(drawn), "torch by hand": by_hand(drawn)}
    agree(norms)
    products = {"torch.bmm alone": torch_products(drawn), "XLA products alone": xla_products(drawn)}
    print(f"\n{G} networks, T={T}, N=128, B={B}; useful work: 2 products a step")
    times = compare(norms | products, options.rounds, options.seconds)
    show(times, "gradlab")
    work = 2 * T * 2 * G * B * 128**2
    rates = {name: work / statistics.median(taken) / 1e9 for name, taken in times.items()}
    print("; ".join(f"{name}: {rate:.0f} GF/s" for name, rate in rates.items()))
    best = max(products, key=lambda name: rates[name])
    print(f"gradlab reaches {100 * ratio(times, best, 'gradlab'):.0f} % of {best}; target 60 %")


if __name__ == "__main__":
    main()
