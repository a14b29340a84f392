"""`gradlab.measure` from Python: any step, other libraries' cells, any state; what it refuses."""

import math
import re

import equinox as eqx
import jax
import jax.numpy as jnp
import matplotlib.figure
import numpy as np
import pytest
from flax import linen, nnx

import gradlab
from gradlab.errors import GradlabError
from tests.cells import foreign
from tests.probes.networks import network
from tests.tiers import few

OK, EXACT_ZERO, FORWARD_NONFINITE, UNDEFINED = range(4)
T, N = 30, 5
QUANTITIES = ("adjoint", "transport", "transport_frobenius", "weight_gradient")


def profile(found, quantity="transport", part="state"):
    column = found[quantity].squeeze(("cell", "init", "w_rec", "T", "seed"))
    return column.values if quantity == "weight_gradient" else column.sel(part=part).values


def codes(found, quantity="transport", part="state"):
    return (
        profile(found, f"{quantity}_state", part)
        if quantity != "weight_gradient"
        else np.squeeze(found.weight_gradient_state.values)
    )


@pytest.fixture(scope="module")
def gru():
    """Our GRU in cuDNN's form, float64, from a state of zeros, and its profiles."""
    net = network("gru(reset=after)", T, n=N)
    net = net._replace(state=jax.tree.map(jnp.zeros_like, net.state))
    step = lambda params, h, x: net.cell.step(params, net.state._replace(h=h), x).h
    return net, gradlab.measure(step, net.params, net.state.h, net.xs)


def assert_same_profiles(found, ours):
    """Equal weights give equal norms, within what the order of sums may change over T steps."""
    for quantity in QUANTITIES:
        np.testing.assert_array_equal(codes(found, quantity), codes(ours, quantity))
        np.testing.assert_allclose(profile(found, quantity), profile(ours, quantity), rtol=0, atol=1e-6)


def test_a_scalar_lambda_keeps_its_power():
    found = gradlab.measure(
        lambda w, h, x: w * h + x,
        jnp.float32(0.5),
        jnp.zeros(1, jnp.float32),
        jnp.zeros((2000, 1), jnp.float32),
    )
    np.testing.assert_allclose(profile(found), np.arange(2001) * math.log10(0.5), rtol=0, atol=1e-6)
    assert (codes(found) == OK).all()
    assert (codes(found, "weight_gradient") == UNDEFINED).all()
    assert dict(found.sizes) == {"cell": 1, "init": 1, "w_rec": 1, "T": 1, "seed": 1, "part": 1, "lag": 2001}
    assert (found.cell.item(), found["T"].item(), found.linear.item()) == ("step", 2000, True)
    assert found.attrs["precision"] == "float32"


@pytest.mark.slow
def test_an_equinox_gru_is_ours(gru):
    net, ours = gru
    p = net.params
    theirs = eqx.nn.GRUCell(2, N, dtype=np.float64, key=jax.random.key(0))
    theirs = eqx.tree_at(
        lambda c: (c.weight_ih, c.weight_hh, c.bias, c.bias_n),
        theirs,
        (p.w_in.reshape(-1, 2), p.w_rec.reshape(-1, N), p.b.reshape(-1), jnp.zeros(N)),
    )
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        found = gradlab.measure(
            lambda c, h, x: c(x, h), theirs, net.state.h, net.xs, w_rec=lambda c: c.weight_hh
        )
    assert_same_profiles(found, ours)


def layers(params):
    found = {}
    for k, gate in enumerate("rzn"):
        found[f"i{gate}"] = foreign.dense(params.w_in[k], params.b[k])
        found[f"h{gate}"] = foreign.dense(params.w_rec[k])
    found["hn"]["bias"] = jnp.zeros(N)
    return found


def kernels(params):
    return [params[f"h{gate}"]["kernel"] for gate in "rzn"]


@pytest.mark.slow
def test_a_flax_linen_gru_is_ours(gru):
    net, ours = gru
    theirs = linen.GRUCell(N, dtype=np.float64, param_dtype=np.float64)
    step = lambda params, h, x: theirs.apply({"params": params}, h, x)[0]
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        found = gradlab.measure(step, layers(net.params), net.state.h, net.xs, w_rec=kernels)
    assert_same_profiles(found, ours)


@pytest.mark.slow
def test_a_flax_nnx_gru_is_ours(gru):
    net, ours = gru
    theirs = nnx.GRUCell(2, N, dtype=np.float64, param_dtype=np.float64, rngs=nnx.Rngs(0))
    p = net.params
    # nnx holds the three gates as one dense layer, r, z, n side by side.
    side = lambda w: jnp.concatenate([gate.T for gate in w], axis=1)
    theirs.dense_i.kernel[...], theirs.dense_i.bias[...] = side(p.w_in), p.b.reshape(-1)
    theirs.dense_h.kernel[...] = side(p.w_rec)
    graph, params = nnx.split(theirs)
    step = lambda params, h, x: nnx.merge(graph, params)(h, x)[0]
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        found = gradlab.measure(step, params, net.state.h, net.xs, w_rec=lambda p: p["dense_h"]["kernel"])
    assert_same_profiles(found, ours)


def two_part(params, state, x):
    return {"fast": jnp.tanh(params * state["slow"] + x), "slow": 0.9 * state["slow"] + 0.1 * state["fast"]}


def test_parts_of_a_dict_are_named_and_a_verdict_and_a_plot_follow():
    state = {"slow": jnp.zeros(N), "fast": jnp.zeros(N)}
    xs = 0.1 * np.random.default_rng(0).standard_normal((T, N))
    found = gradlab.measure(two_part, jnp.float64(0.5), state, jnp.asarray(xs))
    assert found["part"].values.tolist() == ["state", "fast", "slow"]
    assert found.cell.item() == "two_part"
    whole, fast, slow = (10 ** profile(found, "adjoint", part) for part in ("state", "fast", "slow"))
    np.testing.assert_allclose(whole**2, fast**2 + slow**2, rtol=1e-12)
    # Near zero the step is linear, [[0, 0.5], [0.1, 0.9]]; its eigenvalue 0.953 leads.
    leading = max(abs(np.linalg.eigvals([[0, 0.5], [0.1, 0.9]])))
    said = gradlab.verdict(found)
    assert said.startswith(f"two_part, this network, T = {T}: VANISH; ")
    assert not re.search("seed|interval", said)
    rate = (profile(found)[T] - profile(found)[T // 2]) / (T - T // 2)
    assert rate == pytest.approx(math.log10(leading), abs=2e-3)
    assert isinstance(gradlab.plot(found), matplotlib.figure.Figure)
    with pytest.raises(GradlabError, match="profile"):
        gradlab.plot(found, "profil")


@pytest.mark.slow
def test_numpy_numbers_are_as_good_as_jax_ones():
    w, h, xs = np.eye(N) * 0.5, np.zeros(N), np.zeros((T, N))
    step = lambda w, h, x: w @ h + x
    plain = gradlab.measure(step, w, h, xs, w_rec=lambda w: w)
    jaxed = gradlab.measure(step, *map(jnp.asarray, (w, h, xs)), w_rec=lambda w: w)
    for quantity in QUANTITIES:
        np.testing.assert_array_equal(profile(plain, quantity), profile(jaxed, quantity))
    assert plain.attrs["precision"] == "float64"
    np.testing.assert_allclose(profile(plain), np.arange(T + 1) * math.log10(0.5), atol=1e-12)


def test_what_is_not_an_array_in_params_is_left_alone():
    params = {"w": jnp.float64(0.5), "name": "mine", "f": jnp.tanh}
    found = gradlab.measure(lambda p, h, x: p["f"](p["w"] * h) + x, params, jnp.zeros(2), jnp.zeros((5, 2)))
    np.testing.assert_allclose(profile(found), np.arange(6) * math.log10(0.5), atol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("objective", few(["last", "every"], ("every",)))
def test_an_objective_reads_through_the_readout(objective):
    """The memory is never read: at lag 0 no loss reaches it; a lag later it does."""
    state = {"slow": jnp.zeros(N), "fast": jnp.zeros(N)}
    xs = jnp.asarray(np.random.default_rng(0).standard_normal((6, N)))
    found = gradlab.measure(
        two_part, jnp.float64(0.5), state, xs, objective=objective, readout=lambda state: state["fast"]
    )
    assert codes(found, "adjoint", "slow").tolist() == [EXACT_ZERO] + [OK] * 6
    assert codes(found, "adjoint", "fast")[0] == OK


def test_a_state_that_leaves_the_range_is_named_with_its_step():
    # 1e30^2 and then 1e60^2 leave float32 at once: the state after step 1 is infinite.
    found = gradlab.measure(
        lambda w, h, x: h * h, 0.5, jnp.full(2, 1e30, jnp.float32), jnp.zeros((4, 2), jnp.float32)
    )
    assert found.nonfinite_step.item() == 1
    assert (codes(found, "transport") == FORWARD_NONFINITE).all()
    assert np.isnan(profile(found)).all()


xs = np.zeros((4, 2))
h = np.zeros(2)
keep = lambda w, h, x: w * h + x
REFUSED = {
    "no inputs": (lambda: gradlab.measure(keep, 0.5, h, np.zeros((0, 2))), "xs"),
    "an empty list": (lambda: gradlab.measure(keep, 0.5, h, []), "xs"),
    "another shape": (lambda: gradlab.measure(lambda w, h, x: jnp.zeros(3), 0.5, h, xs), "step"),
    "another dtype": (lambda: gradlab.measure(lambda w, h, x: h.astype(np.float32), 0.5, h, xs), "step"),
    "another structure": (lambda: gradlab.measure(lambda w, h, x: (h, h), 0.5, h, xs), "step"),
    "not traceable": (lambda: gradlab.measure(lambda w, h, x: np.asarray(h) * 2, 0.5, h, xs), "step"),
    "a condition on a number": (
        lambda: gradlab.measure(lambda w, h, x: h if h[0] > 0 else -h, 0.5, h, xs),
        "step",
    ),
    "a state of integers": (
        lambda: gradlab.measure(keep, 1, np.zeros(2, int), np.zeros((4, 2), int)),
        "state",
    ),
    "an objective": (lambda: gradlab.measure(keep, 0.5, h, xs, objective="lst"), "objective"),
    "a plot": (lambda: gradlab.plot(gradlab.measure(keep, 0.5, h, xs), "profile", nonsense=1), "plot"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_mistake_is_one_line_that_names_its_place(what):
    call, where = REFUSED[what]
    with pytest.raises(GradlabError) as caught:
        call()
    assert caught.value.where == where
    assert "\n" not in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_diagonal_that_spreads_keeps_its_largest_value(dtype):
    """Powers of 1, 1/2 and 1/4: the largest singular value is 1 at every lag, however small the others."""
    w, h, xs = (jnp.asarray(x, dtype) for x in ([1.0, 0.5, 0.25], np.zeros(3), np.zeros((100, 1))))
    found = gradlab.measure(lambda w, h, x: w * h + x, w, h, xs)
    assert (codes(found) == OK).all()
    np.testing.assert_allclose(profile(found), 0, atol=4 * np.finfo(dtype).eps)
    lag = np.arange(101)
    frobenius = 0.5 * np.log10(1 + 0.25**lag + 0.0625**lag)
    np.testing.assert_allclose(profile(found, "transport_frobenius"), frobenius, atol=8 * np.finfo(dtype).eps)


def test_one_unit_of_a_thousand_that_remembers_is_seen():
    """0.99 in one unit and 0.5 in 1023: a random projection to 128 directions gave 0.227 at lag 40."""
    w = jnp.full(1024, 0.5, jnp.float32).at[300].set(0.99)
    found = gradlab.measure(
        lambda w, h, x: w * h + x, w, jnp.zeros(1024, jnp.float32), jnp.zeros((40, 1), jnp.float32)
    )
    assert float(10 ** profile(found)[40]) == pytest.approx(0.99**40, rel=0.01)


@pytest.mark.slow
def test_probe_is_what_the_command_line_calls_it_and_its_former_name_is_read():
    def dead(**more):
        found = gradlab.measure(lambda w, h, x: w * h + x, 0.5, np.zeros(1), np.zeros((4, 1)), **more)
        return "dead" in found

    assert [dead(), dead(probe="saturation"), dead(probe=["saturation"]), dead(probes=["saturation"])] == [
        False,
        True,
        True,
        True,
    ]
    with pytest.raises(GradlabError, match=r"^probe: is given twice, also as probes"):
        dead(probe="saturation", probes="gates")
    with pytest.raises(GradlabError, match=r"^probe: no probe called 'saturated'; did you mean saturation"):
        dead(probe="saturated")
    with pytest.raises(TypeError, match=r"measure\(\) got an unexpected keyword argument 'prob'"):
        dead(prob="saturation")
