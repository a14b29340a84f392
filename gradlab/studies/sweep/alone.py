"""From Python: measure any step function, in one call, with nothing to inherit or register."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import xarray

    from gradlab.recurrence.given import Network
    from gradlab.recurrence.objectives import ObjectiveName
    from gradlab.studies.sweep.losses import Aimed, OwnExamples

Tree = Any


@dataclasses.dataclass(frozen=True)
class _Foreign:
    """A step function in the place of a cell."""

    step: Callable[[Any, Any, Any], Any]
    readout: Callable[[Any], Any]


def measure(
    step: Any,
    params: Tree = None,
    state: Tree = None,
    xs: Any = None,
    *,
    w_rec: Callable[[Any], Any] | None = None,
    objective: "ObjectiveName" = "unit",
    loss: Callable[[Any, Any], Any] | None = None,
    targets: Any = (),
    examples: Any = None,
    resets: Any = None,
    lengths: Any = None,
    readout: Callable[[Any], Any] | None = None,
    seed: int = 0,
    probe: str | Sequence[str] = (),
    arch: str | None = None,
    activation: str | None = None,
    **former: Any,
) -> "xarray.Dataset":
    """Measure the gradient of `step` at every lag, in the log domain.

    state_t = step(params, state_{t-1}, xs[t-1]),  t = 1..T;    lag = T - t

    Of PyTorch, `measure(module, xs)` takes a module: `nn.RNN`, `LSTM` and `GRU`, of any depth, in both
    directions and with projections, or one that makes a step, `forward(x, state)`. Weights of such a layer
    alone will do, `measure(weights, xs, arch="lstm")`: a `.safetensors`, `.npz` or `.pt` file, or a dict by
    torch's names. A cell of equinox or of flax's nnx is measured so too, and one of linen with its
    parameters, `measure(cell, params=params, xs=xs)`; of all three `params` may name a `.npz` or
    `.safetensors` file of them, by path, or a folder of orbax.

    Args:
      step: any function `(params, state, x) -> state` that JAX can differentiate; unbatched. Two of them as a
        `gradlab.Bidirectional` are measured each along its own direction.
      params: a pytree; what has no gradient (a layer's settings, integers) is left alone.
      state: the initial state, a pytree of arrays of float32 or float64, which decides the precision, or of
        complex numbers of these: norms are over real and imaginary parts. Integers, truth values and random
        keys among them are carried along and have no gradient.
      xs: inputs, a pytree of arrays (T, ...) of one sequence; T at least 1.
      w_rec: picks the recurrent weights from params, `lambda p: p.weight_hh`; without it the field
        `w_rec` of params is taken, and without that the weight gradient is left out.
      objective: `unit`, a random unit cotangent at step T; or `last` or `every`, half the squared
        distance of `readout(state)` from a random target at the last step or at every step.
      loss: `(readout, target) -> number`, yours in the place of that distance: at the last step, or with
        `objective="every"` summed over the steps. It is of JAX, or of torch for a module that makes a step.
      targets: what the loss compares with: one target, or with `objective="every"` arrays (T, ...).
      examples: further sequences and their targets, `(xs, targets)`, arrays (sequences, T, ...) and
        (sequences, ...), for `probe="target_signal"`: how many of them show what of the weight gradient
        depends on the targets. They go with a `loss`.
      resets: a truth value for each step: whether it starts from the initial state again. Gradients further
        back are zero by definition there.
      lengths: the steps of each sequence; `xs` is then a batch of them, arrays (B, T, ...), and `targets` and
        `resets` too. Lag counts back from each sequence's own last step; what stands beyond is never read.
      readout: what a loss reads of the state, and what reach is of; without it the whole, or what torch's
        layers give.
      seed: of the random cotangent or target.
      probe: further measurements, such as `jacobian_spectrum` or `lyapunov(top=10)`; `gradlab list probes`
        has all.
      arch: of weights without a module, `rnn`, `lstm` or `gru`.
      activation: of an `rnn`, `tanh` or `relu`.
      former: `probes`, which it was called.

    Returns:
      An `xarray.Dataset` with `adjoint`, `transport` (largest singular value), `transport_frobenius` and
      `weight_gradient` as log10 over (..., part, lag), and each one's `_state`, a place in
      `gradlab.states.STATES`: `ok`, `exact_zero` where the derivative is zero by definition (relu below 0, a
      mask), `below_precision` where rounding made it zero, and so on. The axes cell, init, w_rec, T and seed
      have size 1. `gradient` is dL/dparams, log10 of its norm by leaf, `gradient_projection` its sum with
      random signs over that norm, where the recurrent weights are known; `state_shift` says how far one
      rounding of the parameters moves the states. The first zero of rounding is told in the attributes:
      `rounded` in words, `rounded_lag`, and the largest derivative of what is saturated there, log10
      (`rounded_factor` at `rounded_step`).

      Of several sequences the norms by lag, and `gradient`, are means of log10 norms over those that have the
      lag, as many as `sequences` says; where one is zero, and so in no mean, `<name>_sequences` has how many
      are. `weight_gradient_of_mean` is the norm of their mean gradient at that lag, `gradient_of_mean`, with
      its projection, that of dL/dparams for L the mean loss; `not_computed` where the sequences cancel to
      less than two digits. `averaged` in the attributes says over what, `broken` where a forward pass is not
      finite.

    Raises:
      GradlabError: for whatever cannot be measured, with its place: a number that is not finite
        (`xs[17, 2]`), half precision, inputs of different lengths, a step that changes the form of the state.

    Example:
      >>> import jax.numpy as jnp
      >>> result = measure(lambda w, h, x: w * h + x, jnp.float32(0.5), jnp.zeros(1), jnp.zeros((2000, 1)))
      >>> round(float(result.transport.sel(part="state", lag=2000).item()), 2)
      -602.06

    Reference: Bengio, Simard, Frasconi 1994; Pascanu, Mikolov, Bengio 2013.
    """
    from gradlab import runtime
    from gradlab.errors import GradlabError
    from gradlab.foreign.bidirectional import Bidirectional
    from gradlab.recurrence import objectives
    from gradlab.studies.sweep import declared, modules

    probe = _named_now(probe, former)
    if callable(objective):
        raise GradlabError("objective", "is a function; pass it as loss, with what it compares as targets")
    if examples is not None and (modules.meant(step) or isinstance(step, Bidirectional)):
        raise GradlabError("examples", "are for a step of JAX, not for a module of torch or two directions")
    if modules.meant(step):
        given, start = (params, state) if xs is None else (xs, state)
        how: dict[str, Any] = {"arch": arch, "activation": activation, "w_rec": w_rec, "probe": probe}
        how |= {"loss": loss, "targets": targets, "resets": resets, "lengths": lengths}
        how["readout"] = readout
        measured = modules.measure(step, given, start, objective=objective, seed=seed, **how)
        # Of a batch it was said without its padding.
        several = "averaged" in measured.attrs
        return (
            measured
            if several
            else measured.assign_attrs(sequence=digest((given, start, targets, resets, seed)))
        )
    if isinstance(step, Bidirectional):
        runtime.configure()
        from gradlab.studies.sweep import directions

        whole: dict[str, Any] = {"w_rec": w_rec, "objective": objective, "loss": loss, "resets": resets}
        whole |= {"readout": readout, "seed": seed, "probe": probe}
        return directions.measure(step, params, state, xs, lengths=lengths, **whole).assign_attrs(
            model=digest(params)
        )
    if arch is not None or activation is not None:
        raise GradlabError("arch", "is for weights of a layer of torch; a step is what it computes")
    runtime.configure()
    import jax

    from gradlab.foreign import modules as cells
    from gradlab.recurrence import rounding
    from gradlab.spelled import unknown
    from gradlab.studies.sweep import assembled, losses, ragged
    from gradlab.studies.sweep.single import compiled, measured_alone

    if cells.meant(step, params, xs):
        read = cells.of(step, params, state, xs, 1 if lengths is None else 2)
        step, params, state, xs = read[:4]
        readout, w_rec = readout or read.readout, w_rec or read.recurrent
    readout = readout or (lambda state: state)
    if objective not in objectives.NAMES:
        raise unknown("objective", "objective", objective, objectives.NAMES)
    picked = w_rec or (_w_rec if "w_rec" in getattr(params, "_fields", ()) else None)
    extra = declared.asked(declared.spelled(probe), assembled.rescales(step))
    if lengths is not None:
        if examples is not None:
            raise GradlabError("examples", "are of one length; leave out lengths")
        told = ragged.Asked(objective, loss, targets, resets, readout, seed, extra)
        return ragged.measure(step, params, state, xs, lengths, told, picked)
    net, linear = _network(step, params, state, xs, resets, readout=readout, recurrent=picked)
    if loss is None:
        drawn = assembled.drawn(net, objective, seed)
        aimed = losses.Aimed(lambda nothing: drawn, ())
    else:
        objective = "last" if objective == "unit" else objective
        every = objective == "every"
        aimed = losses.own(net, loss, targets, every=every, readout=readout, state=state)
    own = None
    if examples is not None:
        if loss is None or resets is not None:
            raise GradlabError("examples", "go with a loss, and without resets")
        how_read = {"every": objective == "every", "readout": readout, "state": state}
        own = losses.examples(net, loss, examples, **how_read)
    result = measured_alone(
        _Foreign(net.step, net.readout),
        net.params,
        net.state,
        net.xs,
        recurrent=net.recurrent,
        objective=aimed.of,
        targets=aimed.targets,
        linear=linear,
        fixed=aimed.fixed,
    )
    T = len(jax.tree.leaves(net.xs)[0])
    broken = bool(result.nonfinite.max()) and not result.linear
    result = result._replace(extras=result.extras | _extras(extra, net, aimed, broken, own))
    said = objective if loss is None else f"own loss, {objective}"
    sequence = (state, xs, targets, resets, seed, *(() if examples is None else (examples,)))
    facts = {"objective": said, "model": digest(params), "sequence": digest(sequence)}
    facts |= rounding.described(
        net.step, net.params, net.state, net.xs, result.columns, result.parts, compiled
    )
    return assembled.dataset_of(step, net, result, extra, T=T, seed=seed, facts=facts)


def _network(
    step: Any, params: Tree, state: Tree, xs: Tree, resets: Any, **how: Any
) -> tuple["Network", bool]:
    """The network as the probes see it, and whether its step reads no state; once for all sequences."""
    import jax

    from gradlab.recurrence import given
    from gradlab.studies.sweep import losses, single
    from gradlab.studies.sweep.program import reads_no_state

    def first() -> tuple["Network", bool, Tree]:
        net = given.network(step, params, state, xs, compiled=single.compiled, **how)
        linear = reads_no_state(net.step, net.params, net.state, jax.tree.map(lambda leaf: leaf[0], net.xs))
        if resets is not None:
            again, ys = losses.resetting(step, state, xs, resets)
            net = given.network(again, params, state, ys, compiled=single.compiled, **how)
        return net, linear, xs

    net, linear, known = single.once(("network", resets is None, single.signature(xs)), first)
    if known is xs:
        return net, linear
    ys = xs if resets is None else losses.resetting(step, state, xs, resets)[1]
    return net._replace(xs=net.inputs(ys)), linear


def _extras(
    probes: Sequence[str], net: "Network", aimed: "Aimed", broken: bool, own: "OwnExamples | None"
) -> dict[str, Any]:
    """The columns of further probes."""
    from gradlab.studies.sweep import probing

    found: dict[str, Any] = {}
    for probe in probes:
        found |= probing.alone(probe, net, aimed, broken, own)
    return found


def digest(given: Tree) -> str:
    """Of arrays and tensors: a network's weights; or what it is given beside them, its sequence."""
    from gradlab import digests

    return digests.of_arrays(given)


def _w_rec(params: Any) -> Any:
    return params.w_rec


def _named_now(probe: str | Sequence[str], former: dict[str, Any]) -> str | Sequence[str]:
    """The further measurements, by whichever of their names; there is no other argument."""
    from gradlab.errors import GradlabError
    from gradlab.runs.former import ARGUMENTS

    was = ARGUMENTS["probe"]
    other = sorted(former.keys() - {was})
    if other:
        raise TypeError(f"measure() got an unexpected keyword argument {other[0]!r}")
    if was in former and probe:
        raise GradlabError("probe", f"is given twice, also as {was}, which it was called; give it once")
    found: str | Sequence[str] = former.get(was, probe)
    return found
