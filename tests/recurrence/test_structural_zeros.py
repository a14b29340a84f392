"""Zeros by definition of whole networks: for truncation, for blocks of every length, and of every cell."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab import registry
from gradlab.recurrence.objectives import draw_target, objective
from gradlab.recurrence.zeros import structural_zeros
from gradlab.registry import make
from gradlab.types import ProbeContext
from tests.members import specs
from tests.probes.networks import measured, network, target
from tests.tiers import few


def zeros(net, length, setup_name="unit", adjoint=None, recurrent=True):
    goal = target(net, setup_name)
    cell = net.cell

    @jax.jit
    def run(net_params, state, xs, length):
        pick = cell.recurrent if recurrent else None
        setup = ProbeContext(objective(setup_name, goal, cell.readout), pick, length, adjoint)
        return structural_zeros(cell.step, net_params, state, xs, setup)

    return run(net.params, net.state, net.xs, jnp.int32(length))


@pytest.mark.parametrize("name", ["unit", "last", "every"])
def test_truncation_is_zero_by_definition_for_the_adjoint_alone(name):
    net = network("elman", 9)
    found = zeros(net, 9, name, adjoint=make("remedies", "truncate(k=4)")().adjoint)
    cut = np.arange(10) > 4
    # With a loss at every step each has an adjoint of its own, but the initial state, which is cut off.
    expected = cut if name != "every" else np.arange(10) == 9
    np.testing.assert_array_equal(found.adjoint[:, 0], expected)
    assert not found.transport.any()


def test_one_program_serves_every_length_and_every_network_of_a_block():
    nets = [network("elman(activation=relu)", 8, w_rec=w, seed=s) for s, w in enumerate((0.9, 0.9, 1e-3))]
    # The last input of the first network shuts every unit.
    nets[0] = nets[0]._replace(params=nets[0].params._replace(b=nets[0].params.b * 0 - 100))
    cell = nets[0].cell
    goals = jnp.stack([draw_target("unit", jax.random.key(1), net.state, cell.readout).h for net in nets])
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *[tuple(net[1:]) for net in nets])

    @jax.jit
    def block(params, state, xs, goals, length):
        def network(params, state, xs, goal):
            setup = ProbeContext(objective("unit", type(state)(goal), cell.readout), cell.recurrent, length)
            return structural_zeros(cell.step, params, state, xs, setup)

        return jax.vmap(network)(params, state, xs, goals)

    for length in (1, 5, 8):
        found = block(*stacked, goals, jnp.int32(length))
        assert found.transport.shape == (3, 9, 1)
        dead = [False, *([True] * length), *([False] * (8 - length))]
        np.testing.assert_array_equal(found.transport[0, :, 0], dead)
        assert not found.transport[1].any()
    assert block._cache_size() == 1


CELLS = specs("cells")
SOME = ["gru", "lru"]


def assert_zeros_are_those_of_the_norms(spec):
    net = network(spec, 7)
    norms = measured(net, "adjoint", "transport")
    for name, zero in zeros(net, 7)._asdict().items():
        log = norms[name]
        np.testing.assert_array_equal(np.asarray(zero)[: len(log)], np.isneginf(log), err_msg=name)


@pytest.mark.parametrize("spec", SOME)
@pytest.mark.slow
def test_a_norm_that_is_a_number_is_no_zero_by_definition(spec):
    assert_zeros_are_those_of_the_norms(spec)


@pytest.mark.parametrize("spec", few([one for one in CELLS if one not in SOME], (), registry.names("cells")))
def test_the_same_for_every_cell(spec):
    assert_zeros_are_those_of_the_norms(spec)
