"""Every planted fault is found, is named where it can be, and no right cell is called wrong."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab import registry
from gradlab.gradcheck import checks
from gradlab.gradcheck.verify import verify
from tests import planted
from tests.cli.calling import document, gradlab
from tests.planted import a_network, with_rule, zeroed
from tests.tiers import few

SMALL = {"lengths": (2, 41), "scales": (1.0, 5.0), "ways": ("differences", "forward")}
"""As much as the default tests try; the slow ones try what `gradlab verify` does."""


def changed(name, alter):
    return with_rule(**{name: alter})


# name: (step, which comparison must fail, what must be named)
FAULTS = {
    "a wrong sign": (changed("h", lambda own, t, x: -own), "reverse", "step 41"),
    "a missing square": (with_rule(lambda d, y, t, g, x: g * (1 - y)), "reverse", "step 41"),
    "a factor of 1.01": (changed("w_rec", lambda own, t, x: 1.01 * own), "reverse", "w_rec"),
    "a doubled part": (changed("b", lambda own, t, x: 2 * own), "reverse", "b, step 41"),
    "a matrix transposed": (with_rule(transposed=True), "reverse", "step 4"),
    "no gradient of the bias": (changed("b", lambda own, t, x: 0 * own), "reverse", "b, step 41"),
    "no weight term of step 30": (
        changed("w_in", lambda own, t, x: jnp.where(t == 30, 0 * own, own)),
        "reverse",
        "w_in, step 30, whose part is missing",
    ),
    "a weight term of step 7 twice": (
        changed("w_rec", lambda own, t, x: jnp.where(t == 7, 2 * own, own)),
        "reverse",
        "w_rec, step 7, whose part counts twice",
    ),
    "a zeroed row": (
        changed("w_rec", lambda own, t, x: zeroed(own, 2)),
        "reverse",
        "w_rec, step 41, 4 of 16 entries from [2, 0] on",
    ),
    "float32 on the way back": (
        with_rule(lambda d, y, t, g, x: d.astype(jnp.float32).astype(jnp.float64)),
        "float64",
        "backward: convert_element_type float64[4] -> float32[4]",
    ),
    "float32 between the ways": (
        planted.with_residual_in_float32(),
        "float64",
        "backward: convert_element_type float64[4] -> float32[4]",
    ),
    "rounding below every tolerance": (
        planted.with_few_bits(),
        "float64",
        "backward: reduce_precision float64[4] to 45 bits",
    ),
    "a relative error of 1e-7": (changed("w_rec", lambda own, t, x: own * (1 + 1e-7)), "reverse", "w_rec"),
    "stop_gradient every 20 steps": (planted.stopping_every_20, "reverse", "step 40"),
    "wrong where |x| > 4": (
        changed("w_in", lambda own, t, x: jnp.where(jnp.abs(x) > 4, 0 * own, own)),
        "reverse",
        "w_in",
    ),
    "wrong in saturation": (
        with_rule(lambda d, y, t, g, x: jnp.where(jnp.abs(y) > 0.999, 0 * d, d)),
        "reverse",
        "input scale 5, point 1",
    ),
    "wrong for the initial state alone": (
        changed("h", lambda own, t, x: jnp.where(t == 1, 0 * own, own)),
        "reverse",
        "step 1",
    ),
    "wrong for the layer below alone": (
        changed("x", lambda own, t, x: 2 * own),
        "reverse",
        "the gradient of the inputs",
    ),
    "a stopped recurrence": (planted.detached, "reverse", "step 41"),
    "a tied weight used once": (planted.tied(both=False), "reverse", "w_rec, step 41"),
    "a wrong rule for forward mode, too": (planted.with_wrong_jvp(), "reverse", "step 41"),
    "a clipped cotangent": (with_rule(lambda d, y, t, g, x: jnp.clip(g, -1, 1) * (1 - y**2)), "reverse", ""),
    "sequences of a batch mixed": (planted.leaking_over_the_batch(), "alone = padded", "step 41"),
}
MISSED = (
    "no weight term of step 30",
    "float32 on the way back",
    "a relative error of 1e-7",
    "stop_gradient every 20 steps",
    "wrong where |x| > 4",
    "wrong in saturation",
)


def of_h(state):
    return state["h"]


def found(step, network=None, **options):
    params, state, xs = network or a_network()
    return verify(step, params, state, xs, readout=of_h, **options)


def words(verification, comparison):
    wrong = [check for check in verification.checks if check.result == "WRONG"]
    return " | ".join(check.where for check in wrong if check.name.startswith(comparison))


@pytest.mark.parametrize("name", MISSED)
def test_what_is_easily_missed_is_found(name):
    step, comparison, named = FAULTS[name]
    assert named in words(found(step, **SMALL), comparison)


def test_the_right_cell_agrees_with_the_same_options():
    for step in (with_rule(), planted.plain):
        said = found(step, **SMALL)
        assert {check.result for check in said.checks} == {"ok"}


@pytest.mark.slow
@pytest.mark.parametrize("name", FAULTS)
def test_every_planted_fault_is_found(name):
    step, comparison, named = FAULTS[name]
    said = found(step)
    assert said.wrong
    assert named in words(said, comparison)
    if comparison != "alone = padded":
        assert not words(said, "alone = padded")


def test_one_zeroed_entry_of_64_by_64_is_found_and_named():
    step = changed("w_rec", lambda own, t, x: zeroed(own, 13, 57))
    said = found(step, a_network(n=64, T=2), lengths=(2,), scales=(1.0,), ways=("differences", "forward"))
    for name in ("reverse = differences", "reverse = forward"):
        assert "w_rec, step 2, entry [13, 57] alone" in words(said, name)
    assert said.tried.entries < said.tried.numbers


def test_differences_alone_find_an_error_of_1e_7():
    step, _, named = FAULTS["a relative error of 1e-7"]
    said = found(step, **(SMALL | {"ways": ("differences",), "scales": (1.0,)}))
    assert named in words(said, "reverse = differences")
    (right,) = [
        check
        for check in found(with_rule(), lengths=(41,), scales=(1.0,), ways=("differences",)).checks
        if check.name == "reverse = differences"
    ]
    assert right.result == "ok"
    assert right.error < 1e-8


def test_a_mask_that_the_way_back_forgets_is_found():
    params, state, xs = a_network()
    mask = np.random.default_rng(1).integers(0, 2, (41, 4)).astype(float)
    for leak in (False, True):
        said = found(planted.masked(leak), (params, state, (xs, mask)), **SMALL)
        assert said.wrong == leak


@pytest.mark.slow
def test_a_forgotten_conjugate_is_found_in_a_complex_cell():
    rng = np.random.default_rng(1)
    draw = lambda *shape: rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    network = {"w": draw(3, 3) / 2}, draw(3), draw(41, 3)
    right, wrong = (verify(planted.complex_step(leak), *network, **SMALL) for leak in (False, True))
    assert {check.result for check in right.checks} == {"ok"}
    assert words(wrong, "reverse").startswith("w/")


def test_a_step_that_changes_from_call_to_call_is_found():
    assert found(planted.counting_calls(), lengths=(2,), scales=(1.0,)).wrong


def test_a_fault_of_our_own_backward_pass_is_found(monkeypatch):
    right = checks.methods.sent_back

    def wrong(*arguments):
        return lambda case, T: right(*arguments)(case, T) * (1 + 1e-9)

    monkeypatch.setattr(checks.methods, "sent_back", wrong)
    said = found(planted.plain, lengths=(2,), scales=(1.0,), ways=("backpropagate",))
    assert words(said, "autodiff = backpropagate")


def test_a_gradient_by_hand_that_is_wrong_at_T_1_alone():
    def by_hand(params, state, xs):
        total = lambda p, nudge: sum(
            jnp.sum(s["h"] ** 2) / 2 for s in planted.states(planted.plain, p, state, xs, nudge)
        )
        nudge = {"h": jnp.zeros((len(xs) + 1, 4)), "t": np.zeros(len(xs) + 1, np.int32)}
        of_params = jax.grad(total)(params, nudge)
        return (jax.tree.map(lambda g: 1.1 * g, of_params) if len(xs) == 1 else of_params), None

    said = found(planted.plain, gradient=by_hand, lengths=(1, 2), scales=(1.0,), ways=())
    results = {(check.name, check.T): check.result for check in said.checks}
    for name in ("given = differences", "given = forward"):
        assert (results[name, 1], results[name, 2]) == ("WRONG", "ok")


CELLS = [
    *registry.names("cells"),
    "elman(activation=relu)",
    "elman(activation=identity)",
    "stacked(cell=lstm, layers=2)",
    "residual(cell=gru, skip=3)",
    "layer_norm(cell=lstm)",
    "equinox.nn:GRUCell",
    "equinox.nn:LSTMCell",
    "flax.linen:LSTMCell",
    "flax.linen:SimpleCell",
    "flax.nnx:GRUCell",
    "flax.nnx:SimpleCell",
]


OFTEN = ("elman", "gru", "lstm", "lru", "minimal", "orthogonal", "esn", "layer_norm", "residual", "stacked")
"""With the slow tests: of each kind of step one, and what other libraries bring."""


@pytest.mark.parametrize("spec", few(CELLS, (), lambda one: one in OFTEN or ":" in one))
def test_no_right_cell_is_called_wrong(spec):
    # JAX as a user has it: other libraries mix dtypes and ranks.
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        said = gradlab("verify", spec, "--json")
    assert said.code == 0, said.err or document(said.out)["data"]
    assert {row["result"] for row in document(said.out)["data"]} == {"ok"}
