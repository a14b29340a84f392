"""A look measures its sequences as each is measured alone, and traces the network once for all of them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab import Bidirectional
from gradlab.monitoring import looks
from gradlab.monitoring.looks import Call, How
from gradlab.states import BACKWARD_NONFINITE
from gradlab.studies.sweep import single
from tests.monitoring import trainings

N, B, T = 3, 3, 6
WEIGHTS = jnp.asarray([[0.5, 0.2, 0.0], [-0.3, 0.4, 0.1], [0.0, 0.6, -0.5]])
XS = jax.random.normal(jax.random.key(0), (B, T, N))


def step(w, h, x):
    return jnp.tanh(w @ h + x)


def counting(w, state, x):
    return jnp.tanh(w @ state[0] + x * jnp.sin(state[1].astype(x.dtype))), state[1] + 1


NETWORK = step, WEIGHTS, jnp.zeros(N)
COUNTING = counting, WEIGHTS, (jnp.zeros(N), jnp.int32(0))
BOTH = (
    Bidirectional(step, lambda w, h, x: jax.nn.relu(w @ h + x)),
    (WEIGHTS, 2 * WEIGHTS),
    (jnp.zeros(N), jnp.zeros(N)),
)


def same(how, targets, network=NETWORK):
    """See that each sequence of a look is as it is alone."""
    call = Call(0, *network, XS, targets, None)
    found = looks.look(call, range(B), how).norms
    for i in range(B):
        alone = looks.measured(call, i, how)
        for name in alone.data_vars:
            placed = found[name].isel(seed=[i]) if "seed" in found[name].dims else found[name]
            assert np.array_equal(placed.values, alone[name].values, equal_nan=True), name
    return found


def test_the_network_is_traced_once_for_all_sequences(monkeypatch):
    made = []
    plain = single._compiled
    monkeypatch.setattr(single, "_compiled", lambda *given: made.append(given) or plain(*given))
    call = Call(0, step, WEIGHTS, jnp.zeros(N), XS, (), None)
    looks.look(call, range(1), How())
    one = len(made)
    looks.look(call, range(B), How())
    assert one > 0
    assert len(made) == 2 * one


def counted(network):
    """A network whose step counts how often it is called."""
    calls = []

    def once(step):
        return lambda *given: (calls.append(0), step(*given))[1]

    step, *rest = network
    both = isinstance(step, Bidirectional)
    ways = Bidirectional(once(step.forward), once(step.backward)) if both else once(step)
    return calls, (ways, *rest)


ASKED = How(loss=lambda h, target: ((h - target) ** 2).sum())
LOOKED = {
    "plain": (NETWORK, How(), (), 0),
    "a loss": (NETWORK, ASKED, jnp.ones((B, N)), 0),
    "a counter": (COUNTING, How(), (), 0),
    "zeros of rounding": ((step, 100 * jnp.eye(N), jnp.ones(N)), How(), (), 1),
    "both directions, with zeros": (BOTH, How(), (), 2),
}
"""Each with how often a further sequence calls the step: with its numbers, to see why a zero is one."""


@pytest.mark.parametrize("kind", LOOKED)
def test_more_sequences_trace_the_step_no_more_often(kind):
    """It is traced for the first of them, at every look anew."""
    network, how, targets, further = LOOKED[kind]
    calls, network = counted(network)
    call, counts = Call(0, *network, XS, targets, None), []
    for sequences in (1, B, B):
        calls.clear()
        looks.look(call, range(sequences), how)
        counts.append(len(calls) - (sequences - 1) * further)
    assert counts[0] == counts[1] == counts[2] > 0


def test_another_look_sees_what_the_step_reads_from_outside():
    gain = [1.0]
    call = Call(0, lambda w, h, x: gain[0] * (w @ h), WEIGHTS, jnp.zeros(N), XS, (), None)
    one_step = lambda: looks.look(call, range(2), How()).norms["transport"].sel(part="state", lag=1).values
    before = one_step()
    gain[0] = 10.0
    assert np.allclose(one_step() - before, 1.0)


def test_targets_that_a_loss_asks_for_in_python_are_those_of_each_sequence():
    """Of `int(target)` the program itself holds the target."""
    how = How(loss=lambda h, target: (h[int(target)] - 1.0) ** 2)
    found = same(how, jnp.arange(B))
    assert len(np.unique(found["adjoint"].sel(lag=0).isel(part=0))) == B


@pytest.mark.slow
@pytest.mark.parametrize(
    "how",
    [
        How(loss=lambda h, target: ((h - target) ** 2).sum(), objective="every", w_rec=lambda w: w),
        How(probe=("lyapunov", "jacobian_spectrum"), w_rec=lambda w: w),
    ],
    ids=["loss", "probes"],
)
def test_losses_and_probes_are_those_of_each_sequence(how):
    same(how, jax.random.normal(jax.random.key(1), (B, T, N)) if how.loss else ())


@pytest.mark.slow
def test_both_directions_are_networks_of_their_own():
    same(How(), (), BOTH)


@pytest.mark.slow
def test_a_counter_in_the_state_stays_with_its_sequence():
    same(How(), (), COUNTING)


def test_a_fault_is_in_its_own_sequence():
    xs = trainings.batch(0, column=1)
    call = Call(0, trainings.step, {"w": 0.9 * jnp.eye(trainings.N)}, trainings.START, xs, (), None)
    norms = looks.look(call, range(trainings.B), How()).norms
    lost = (norms["transport_state"] == BACKWARD_NONFINITE).any(["cell", "init", "w_rec", "T", "part", "lag"])
    assert np.flatnonzero(lost).tolist() == [trainings.SEQUENCE]
