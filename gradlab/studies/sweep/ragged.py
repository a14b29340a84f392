"""`gradlab.measure` of a batch of sequences of different lengths: each from its own last step back.

One program measures all of them, one after the other, as it would measure each alone; what lies beyond a
sequence's length has no part in it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gradlab.errors import GradlabError
from gradlab.probes import axes
from gradlab.recurrence import given, objectives, rounding
from gradlab.recurrence.given import Network
from gradlab.recurrence.together import mean_gradient
from gradlab.recurrence.zeros import Zeros, structural_zeros
from gradlab.states import BELOW_PRECISION, UNDEFINED
from gradlab.studies.sweep import alone, assembled, averaged, batches, losses, probing
from gradlab.studies.sweep.arrays import at_rest, puzzling
from gradlab.studies.sweep.batches import Batch
from gradlab.studies.sweep.columns import TIMES
from gradlab.studies.sweep.program import (
    GRADIENT,
    NONFINITE,
    PROBES,
    SHIFT,
    Measured,
    measure_one,
    reads_no_state,
    state_parts,
)
from gradlab.studies.sweep.single import (
    Alone,
    Columns,
    Extras,
    compiled,
    of_one_network,
    of_sequence,
    zeros_of_sequence,
)
from gradlab.types import Objective, ProbeContext

if TYPE_CHECKING:
    import xarray

Tree = Any


class Asked(NamedTuple):
    """What `gradlab.measure` is asked beside a network and its inputs, by the names that it has there."""

    objective: Any
    loss: Callable[[Any, Any], Any] | None
    targets: Any
    resets: Any
    readout: Callable[[Any], Any]
    seed: int
    probes: Sequence[str]


class _Given(NamedTuple):
    """A network and its sequences as the probes see them."""

    net: Network
    """With the inputs of the first sequence."""
    xs: Tree
    lengths: Any
    objective: Callable[[Tree], Objective]
    """Of the target of one sequence."""
    targets: Tree
    linear: bool


def measure(
    step: Any,
    params: Tree,
    state: Tree,
    xs: Tree,
    lengths: Any,
    asked: Asked,
    picked: Callable[[Any], Any] | None,
) -> "xarray.Dataset":
    """The dataset of one network over all sequences; each starts from the same state.

    Raises:
      GradlabError: for whatever cannot be measured, by name; for a probe that counts steps and not lags.
    """
    for probe in asked.probes:
        counted = sorted({axis for own in axes(probe).values() for axis in own} & {*TIMES} - {"lag"})
        if counted:
            what = f"{probe} counts by {counted[0]}, and sequences of other lengths share lags alone"
            raise GradlabError("probe", f"{what}; measure them one by one")
    every = asked.loss is not None and asked.objective == "every"
    targets = asked.targets if asked.loss is not None else ()
    batch = batches.of(xs, lengths, targets, asked.resets, every)
    known = _given(step, params, state, batch, asked, picked)
    found, mean = _measured(known)
    each = _columns(known, found, batch)
    columns, counts = averaged.of_columns(each.columns)
    nothing = np.full((1, 1, 1, 1, batch.longest + 1), np.nan)
    columns.setdefault("weight_gradient", (nothing, np.full(nothing.shape, UNDEFINED, np.int8)))
    extras = averaged.of_scalars(found, each.zeros, known.linear)
    extras |= averaged.of_mean(found, mean, columns, extras, each.columns, known.linear)
    extras |= averaged.having(batch.lengths) | counts
    nonfinite = np.asarray(found.nonfinite)
    for probe in asked.probes:
        extras |= _probed(probe, known, nonfinite > 0, batch.lengths)
    facts = _facts(params, state, batch, asked, known, each, nonfinite)
    first = np.int32(nonfinite[nonfinite > 0].min(initial=np.iinfo(np.int32).max))
    result = Alone(
        state_parts(known.net.state),
        known.linear,
        columns,
        np.where((nonfinite > 0).any(), first, np.int32(0)).reshape(1, 1, 1, 1),
        extras,
    )
    return assembled.dataset_of(
        step, known.net, result, asked.probes, T=batch.longest, seed=asked.seed, facts=facts
    )


def _given(step: Any, params: Tree, state: Tree, batch: Batch, asked: Asked, picked: Any) -> _Given:
    """The network and its sequences, as the probes see them."""
    how = {"readout": asked.readout, "recurrent": picked, "compiled": compiled}
    net = given.network(step, params, state, batch.one(batch.xs, 0), **how)
    first = jax.tree.map(lambda leaf: leaf[0], net.xs)
    linear = reads_no_state(net.step, net.params, net.state, first)
    xs, one = batch.xs, step
    if batch.resets is not None:
        one, _ = losses.resetting(step, state, batch.one(xs, 0), batch.resets[0])
        xs = (xs, jnp.asarray(batch.resets))
        net = given.network(one, params, state, batch.one(xs, 0), **how)
    if len(jax.tree.leaves(net.xs)) > len(jax.tree.leaves(xs)):
        # What of the state has no gradient is worked out beforehand, of each sequence.
        with of_one_network():
            every = [net.inputs(batch.one(xs, i)) for i in range(len(batch.lengths))]
        xs = jax.tree.map(lambda *leaves: jnp.stack(leaves), *every)
    lengths = jnp.asarray(batch.lengths)
    if asked.loss is None:
        terms = assembled.drawn(net, asked.objective, asked.seed)
        return _Given(net, xs, lengths, lambda target: terms, lengths, linear)
    at_every, loss = asked.objective == "every", asked.loss
    losses.own(net, loss, batch.one(batch.targets, 0), every=at_every, readout=asked.readout, state=state)
    read = losses.reading(net, asked.readout, state)
    # A loss without targets has a leaf for each sequence all the same.
    targets = (batch.targets, lengths)
    of_target = lambda target: objectives.own(loss, target[0], read, at_every)
    return _Given(net, xs, lengths, of_target, targets, linear)


def _measured(known: _Given) -> tuple[Measured, Any]:
    """What each sequence gives, and the gradient of their mean loss."""
    net = known.net

    def together(params: Tree, state: Tree, xs: Tree, targets: Tree, lengths: Any) -> Any:
        def one(item: Any) -> Measured:
            x, target, length = item
            setup = ProbeContext(known.objective(target), net.recurrent, length)
            columns: dict[str, Any] = {}
            for probe in PROBES:
                columns |= measure_one(net.step, params, state, x, setup, probe)
            last = (columns.pop(name, None) for name in (SHIFT, GRADIENT))
            return Measured(columns, columns.pop(NONFINITE), *last)

        found = jax.lax.map(one, (xs, targets, lengths))
        if net.recurrent is None:
            return found, None
        given = xs, lengths, known.objective, targets, net.recurrent
        return found, mean_gradient(net.step, params, state, *given)

    found, mean = compiled(together, net.params, net.state, known.xs, known.targets, known.lengths)
    return found, mean


def _zeros(known: _Given) -> Zeros:
    net = known.net

    def together(params: Tree, state: Tree, xs: Tree, targets: Tree, lengths: Any) -> Any:
        def one(item: Any) -> Zeros:
            x, target, length = item
            setup = ProbeContext(known.objective(target), net.recurrent, length)
            return structural_zeros(net.step, params, state, x, setup)

        return jax.lax.map(one, (xs, targets, lengths))

    found: Zeros = compiled(together, net.params, net.state, known.xs, known.targets, known.lengths)
    return found


def _probed(probe: str, known: _Given, broken: Any, lengths: Any) -> Extras:
    """The columns of a further probe, averaged as the sweep's own are."""
    given = known.xs, known.targets, known.lengths
    each = probing.several(
        probe, known.net, known.objective, given, lengths.tolist(), broken & (not known.linear)
    )
    extras: Extras = {}
    for name, own in axes(probe).items():
        values, states = (np.stack([one[name][i] for one in each]) for i in (0, 1))
        found = averaged.pooled(values, states)
        extras[name] = own, found.value[None, None, None, None], found.state[None, None, None, None]
        extras |= averaged.counted(name, own, states, found.sequences)
    return extras


class Each(NamedTuple):
    """What every sequence has by itself."""

    columns: list[Columns]
    zeros: Zeros | None
    """Where any has a zero, which of them are by definition."""


def _columns(known: _Given, found: Measured, batch: Batch) -> Each:
    """The columns of each sequence, zeros of rounding told from those by definition."""
    still = np.stack([at_rest(np.asarray(leaf)[None]) for leaf in jax.tree.leaves(known.net.state)]).all(0)
    columns, unclear = [], False
    for i, length in enumerate(batch.lengths.tolist()):
        own = of_sequence(
            batch.one(found.columns, i), found.nonfinite[i], known.linear, length, batch.longest
        )
        unclear |= any(puzzling(name, code[0, 0, 0], still, length).any() for name, (_, code) in own.items())
        columns.append(own)
    gradient = found.gradient
    if not unclear and (gradient is None or not (np.asarray(gradient.norm.square) == 0).any()):
        return Each(columns, None)
    zeros = _zeros(known)
    told = [zeros_of_sequence(own, batch.one(zeros, i)) for i, own in enumerate(columns)]
    return Each(told, zeros)


def _facts(
    params: Tree, state: Tree, batch: Batch, asked: Asked, known: _Given, each: Each, nonfinite: Any
) -> Mapping[str, Any]:
    """What is said of the batch, its first zero of rounding among it."""
    said = asked.objective
    if asked.loss is not None:
        said = "own loss, " + ("every" if asked.objective == "every" else "last")
    facts = {
        "objective": said,
        "model": alone.digest(params),
        "sequence": alone.digest((state, *batch, asked.seed)),
    } | averaged.facts(batch.lengths, nonfinite)
    for i, own in enumerate(each.columns):
        if any((code == BELOW_PRECISION).any() for _, code in own.values()):
            xs = jax.tree.map(lambda leaf, i=i: leaf[i, : batch.lengths[i]], known.xs)
            net = known.net
            rounded = rounding.described(
                net.step, net.params, net.state, xs, own, state_parts(net.state), compiled
            )
            return facts | rounded | {"rounded": f"xs[{i}]: {rounded['rounded']}"}
    return facts
