"""A look measures its sequences as each is measured alone, and traces the network once for all of them."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab import Bidirectional
from gradlab.errors import GradlabError
from gradlab.monitoring import looks
from gradlab.monitoring.looks import Call, How
from gradlab.states import BACKWARD_NONFINITE
from gradlab.studies.sweep import single
from gradlab.studies.sweep.program import PROBES
from tests.monitoring import trainings

N, B, T = 3, 3, 6
WEIGHTS = jnp.asarray([[0.5, 0.2, 0.0], [-0.3, 0.4, 0.1], [0.0, 0.6, -0.5]])
XS = jax.random.normal(jax.random.key(0), (B, T, N))


def step(w, h, x):
    return jnp.tanh(w @ h + x)


NETWORK = step, WEIGHTS, jnp.zeros(N)
NUMBERED = jnp.zeros(N), jnp.int32(1)


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


CALLED = [0]
"""How often a step of these networks was called."""


def called(w, h, x):
    CALLED[0] += 1
    return step(w, h, x)


def counting(w, state, x):
    return called(w, state[0], x * jnp.sin(state[1].astype(x.dtype))), state[1] + 1


BOTH = Bidirectional(called), (WEIGHTS, 2 * WEIGHTS), (jnp.zeros(N), jnp.ones(N))
NETWORKS = {
    "step": (called, *NETWORK[1:]),
    "counter": (counting, WEIGHTS, (jnp.zeros(N), jnp.int32(0))),
    "directions": BOTH,
}


def calls_of(look):
    CALLED[0] = 0
    look()
    return CALLED[0]


@pytest.mark.parametrize("name", NETWORKS)
def test_a_step_is_called_as_often_for_all_sequences_as_for_one(name):
    look = lambda update, many: looks.look(Call(update, *NETWORKS[name], XS, (), None), range(many), How())
    calls = [calls_of(lambda sizes=sizes: look(*sizes)) for sizes in ((0, B), (1, B), (2, 1))]
    assert calls == [calls[0]] * 3
    # Its form, whether it is linear, and each probe; what else a state holds is worked out beforehand.
    each = 2 + len(PROBES) + (name == "counter")
    assert calls[0] == each * (2 if name == "directions" else 1)


def test_a_loss_is_traced_as_often_for_all_sequences_as_for_one():
    def loss(h, target):
        CALLED[0] += 1
        return ((h - target) ** 2).sum()

    look = lambda many: looks.look(Call(0, *NETWORK, XS, XS[:, 0], None), range(many), How(loss=loss))
    several = calls_of(lambda: look(B))
    assert several == calls_of(lambda: look(1)) > 0


def test_a_target_that_a_loss_fails_on_is_named_as_if_it_were_the_first():
    def loss(h, target):
        if int(target) > 1:
            raise ValueError("what class is that?")
        return h[int(target)]

    with pytest.raises(GradlabError, match="fails on one readout and its target: ValueError: 'what class"):
        looks.look(Call(0, *NETWORK, XS, jnp.arange(B), None), range(B), How(loss=loss))


def test_inputs_that_are_not_finite_are_named_in_whichever_sequence():
    call = Call(0, *NETWORK, XS.at[1, 2, 0].set(jnp.nan), (), None)
    with pytest.raises(GradlabError, match=re.escape("xs[2, 0]: is nan")):
        looks.look(call, range(B), How())


@pytest.mark.parametrize("name", ["step", "counter", "directions"])
def test_another_look_sees_what_the_step_reads_from_outside(name):
    gain = [1.0]
    plain = lambda w, h, x: gain[0] * (w @ h)
    # Here the gain is in what of each state is worked out beforehand.
    beside = lambda w, h, x: (h[1].astype(x.dtype) * (w @ h[0]), 0 * h[1] + int(gain[0]))
    network = {
        "step": (plain, WEIGHTS, jnp.zeros(N)),
        "counter": (beside, WEIGHTS, NUMBERED),
        "directions": (Bidirectional(plain), (WEIGHTS, 2 * WEIGHTS), (jnp.zeros(N), jnp.zeros(N))),
    }[name]
    call = Call(0, *network, XS, (), None)
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


def test_both_directions_are_networks_of_their_own():
    found = same(How(), (), BOTH)
    forward, backward = (found["transport"].isel(cell=i).values for i in (0, 1))
    assert (forward != backward).any()


@pytest.mark.slow
def test_layers_of_both_directions_are_networks_of_their_own():
    above = lambda w, h, x: jax.nn.relu(w["h"] @ h + w["x"] @ x)
    own = lambda gain, d: {"h": gain * WEIGHTS, "x": jnp.ones((N, d)) / d}
    weights = [(own(1, N), own(2, N)), (own(-1, 2 * N), own(-2, 2 * N))]
    starts = [(jnp.zeros(N), jnp.ones(N)), (jnp.full(N, 0.2), jnp.zeros(N))]
    same(How(), (), (Bidirectional(above, layers=2), weights, starts))


@pytest.mark.slow
def test_what_else_a_state_holds_stays_with_its_sequence():
    """It counts the inputs above zero, of which each sequence has others."""

    def above(w, state, x):
        h = step(w, state[0], x * jnp.sin(state[1].astype(x.dtype)))
        return h, state[1] + (x > 0).sum(dtype=jnp.int32)

    same(How(), (), (above, WEIGHTS, NUMBERED))


def test_a_fault_is_in_its_own_sequence():
    xs = trainings.batch(0, column=1)
    call = Call(0, trainings.step, {"w": 0.9 * jnp.eye(trainings.N)}, trainings.START, xs, (), None)
    norms = looks.look(call, range(trainings.B), How()).norms
    lost = (norms["transport_state"] == BACKWARD_NONFINITE).any(["cell", "init", "w_rec", "T", "part", "lag"])
    assert np.flatnonzero(lost).tolist() == [trainings.SEQUENCE]
