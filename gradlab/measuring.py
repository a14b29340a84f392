"""From Python: measure any step function, in one call, with nothing to inherit or register."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from gradlab.status import GradlabError

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure

    from gradlab.objectives import ObjectiveName

Tree = Any


@dataclasses.dataclass(frozen=True)
class _Foreign:
    """A step function in the place of a cell."""

    step: Callable[[Any, Any, Any], Any]
    readout: Callable[[Any], Any]


def measure(
    step: Callable[[Any, Any, Any], Any],
    params: Tree,
    state: Tree,
    xs: Any,
    *,
    w_rec: Callable[[Any], Any] | None = None,
    objective: "ObjectiveName" = "unit",
    readout: Callable[[Any], Any] = lambda state: state,
    seed: int = 0,
    probes: Sequence[str] = (),
) -> "xarray.Dataset":
    """Measure the gradient of `step` at every lag, in the log domain.

    state_t = step(params, state_{t-1}, xs[t-1]),  t = 1..T;    lag = T - t

    Args:
      step: any function `(params, state, x) -> state` that JAX can differentiate; unbatched.
      params: a pytree; what is not an array (a layer's settings, say) is left alone.
      state: the initial state, a pytree of arrays; its dtype decides the precision.
      xs: inputs, shape (T, ...) for one sequence; T at least 1.
      w_rec: picks the recurrent weights from params, `lambda p: p.weight_hh`; without it the field
        `w_rec` of params is taken, and without that the weight gradient is left out.
      objective: `unit`, a random unit cotangent at step T; or `last` or `every`, half the squared
        distance of `readout(state)` from a random target at the last step or at every step.
      readout: the part of the state that a loss reads.
      seed: of the random cotangent or target.
      probes: further measurements, such as `lyapunov` or `jacobian_spectrum`; `gradlab list probes` has all.

    Returns:
      An `xarray.Dataset` with `adjoint`, `transport` (largest singular value), `transport_frobenius` and
      `weight_gradient` as log10 over (..., part, lag), and each one's `_state`: 0 ok, 1 exact_zero,
      2 forward_nonfinite, 3 undefined. The axes cell, init, w_rec, T and seed have size 1.

    Raises:
      GradlabError: if xs is empty, or step changes the form of the state.

    Example:
      >>> import jax.numpy as jnp
      >>> result = measure(lambda w, h, x: w * h + x, jnp.float32(0.5), jnp.zeros(1), jnp.zeros((2000, 1)))
      >>> round(float(result.transport.sel(part="state", lag=2000).item()), 2)
      -602.06

    Reference: Bengio, Simard, Frasconi 1994; Pascanu, Mikolov, Bengio 2013.
    """
    from gradlab import objectives, runtime

    runtime.configure()
    import jax
    import numpy as np

    from gradlab.engine import CellResult
    from gradlab.labelled import dataset
    from gradlab.registry import unknown
    from gradlab.sweep import measured_alone

    if objective not in objectives.NAMES:
        raise unknown("objective", "objective", objective, objectives.NAMES)
    leaves, structure = jax.tree.flatten(params)
    numeric = [isinstance(leaf, jax.Array | np.ndarray | np.generic | float) for leaf in leaves]

    def rebuilt(numbers: Sequence[Any]) -> Tree:
        given = iter(numbers)
        return jax.tree.unflatten(
            structure, [next(given) if n else leaf for n, leaf in zip(numeric, leaves, strict=True)]
        )

    def pure(numbers: Sequence[Any], state: Tree, x: Any) -> Tree:
        return step(rebuilt(numbers), state, x)

    picked = w_rec or (_w_rec if "w_rec" in getattr(params, "_fields", ()) else None)
    numbers = [leaf for leaf, n in zip(leaves, numeric, strict=True) if n]
    result = measured_alone(
        _Foreign(pure, readout),
        numbers,
        state,
        xs,
        recurrent=None if picked is None else lambda numbers: picked(rebuilt(numbers)),
        objective=objective,
        seed=seed,
    )
    T = len(jax.tree.leaves(xs)[0])
    extras = _extras(probes, pure, numbers, (state, xs), (objective, readout, seed), bool(result[3].max()))
    name = getattr(step, "__name__", "step")
    cell = "step" if name == "<lambda>" else name
    found = CellResult(
        cell, *result, digests={}, extras=extras, gates=("none",) if extras else (), has_gain=True
    )
    precision = str(jax.tree.leaves(state)[0].dtype)
    facts = {"objective": objective, "precision": precision, "networks": "given"}
    return dataset([found], ["given"], [float("nan")], [T], [seed], **facts)


def _extras(
    probes: Sequence[str],
    step: Callable[[Any, Any, Any], Any],
    numbers: Sequence[Any],
    given: tuple[Tree, Any],
    loss: tuple["ObjectiveName", Callable[[Any], Any], int],
    broken: bool,
) -> dict[str, Any]:
    """The columns of further probes."""
    import jax
    import jax.numpy as jnp

    from gradlab import experiment, objectives, probing
    from gradlab.draw import stream
    from gradlab.types import Setup

    state, xs = jax.tree.map(jnp.asarray, given)
    name, readout, seed = loss
    length = len(jax.tree.leaves(xs)[0])
    target = objectives.draw_target(name, stream(seed, "target", objective=name), state, readout)
    setup = Setup(objectives.objective(name, target, readout), None, length)
    found: dict[str, Any] = {}
    for probe in experiment.probes(list(probes)):
        found |= probing.alone(probe, step, list(numbers), state, xs, setup, broken)
    return found


def _w_rec(params: Any) -> Any:
    return params.w_rec


def plot(norms: "xarray.Dataset", kind: str = "profile", **settings: Any) -> "Figure":
    """Draw a measured dataset as a matplotlib `Figure`; `gradlab list plots` shows the kinds.

    Raises:
      GradlabError: for a kind or a setting that is not known.
    """
    from gradlab import registry, tables

    draw = registry.member("plots", kind)
    for key in settings:
        if key not in registry.settings(draw):
            raise registry.unknown("plot", f"setting of {kind}", key, registry.settings(draw))
    run = tables.Run({}, tables.metrics(norms), norms)
    figure: Figure = draw(run, **settings)
    return figure


__all__ = ["GradlabError", "measure", "plot"]
