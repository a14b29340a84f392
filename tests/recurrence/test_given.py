"""Networks as they are given: complex, with counters and keys, taken apart and put together."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gradlab
from gradlab.recurrence.brought import named
from gradlab.recurrence.trees import decoded, encoded, form, merged, split
from gradlab.states import OK
from tests.tiers import few

N, T = 4, 12
QUANTITIES = ("adjoint", "transport", "transport_frobenius", "weight_gradient")


@pytest.fixture(autouse=True)
def _as_a_user_has_it():
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


def drawn(*shape, seed=0):
    rng = np.random.default_rng([seed, *shape])
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


def pair(z):
    return np.stack([z.real, z.imag])


UNITARY = np.linalg.qr(drawn(N, N))[0]
INPUT = drawn(N, 2)
START = drawn(N, seed=1)
XS = np.random.default_rng(2).standard_normal((T, 2))


def complex_step(params, h, x):
    """A unitary network with modReLU's kind of unit, as one complex state."""
    z = params["w"] @ h + params["u"] @ x
    size = jnp.sqrt(z.real**2 + z.imag**2 + 1e-6)
    return z * jnp.tanh(size) / size


def real_step(params, h, x):
    """The same in real and imaginary parts, written out by hand."""
    (wr, wi), (ur, ui), (re, im) = params["w"], params["u"], h
    zr, zi = wr @ re - wi @ im + ur @ x, wr @ im + wi @ re + ui @ x
    size = jnp.sqrt(zr**2 + zi**2 + 1e-6)
    return jnp.stack([zr, zi]) * jnp.tanh(size) / size


def both(objective, dtype=np.complex128, **options):
    options |= {"w_rec": lambda p: p["w"], "objective": objective}
    cast = lambda z: z.astype(dtype)
    xs = cast(XS).real
    one = gradlab.measure(complex_step, {"w": cast(UNITARY), "u": cast(INPUT)}, cast(START), xs, **options)
    two = gradlab.measure(
        real_step, {"w": pair(cast(UNITARY)), "u": pair(cast(INPUT))}, pair(cast(START)), xs, **options
    )
    return one, two


@pytest.mark.parametrize("objective", few(["unit", "last", "every"], ("last",)))
@pytest.mark.slow
def test_a_complex_network_is_its_real_form_in_every_quantity(objective):
    one, two = both(objective, probe=["lyapunov"] if objective == "unit" else [])
    for name in (*QUANTITIES, *(["lyapunov"] if objective == "unit" else [])):
        np.testing.assert_allclose(one[name].values, two[name].values, rtol=0, atol=1e-11)
        np.testing.assert_array_equal(one[f"{name}_state"].values, two[f"{name}_state"].values)
    assert one["part"].values.tolist() == ["state"]
    assert one.attrs["precision"] == "float64"
    tail = lambda found: gradlab.verdict(found).split(": ", 1)[1]
    assert tail(one) == tail(two)


@pytest.mark.slow
def test_single_precision_too():
    one, two = both("unit", np.complex64)
    assert one.attrs["precision"] == "float32"
    for name in QUANTITIES:
        np.testing.assert_allclose(one[name].values, two[name].values, rtol=0, atol=1e-5)


def test_the_weight_gradient_of_a_complex_parameter_is_that_of_differences():
    """L = u . (re, im)(state_1) over real and imaginary parts of each weight, by central differences."""
    found = gradlab.measure(
        complex_step, {"w": UNITARY, "u": INPUT}, START, XS[:1], w_rec=lambda p: p["w"], objective="last"
    )
    # Half the squared distance of (re, im) from the target that the package drew.
    from gradlab.recurrence.objectives import draw_target
    from gradlab.studies.sweep.networks import stream

    goal = np.asarray(draw_target("last", stream(0, "target", objective="last"), pair(START), lambda s: s))
    loss = lambda w: (
        np.sum((pair(np.asarray(complex_step({"w": w, "u": INPUT}, START, XS[0]))) - goal) ** 2) / 2
    )
    square, step = 0.0, 1e-5
    for i, j in np.ndindex(N, N):
        for way in (1, 1j):
            nudge = np.zeros((N, N), complex)
            nudge[i, j] = step * way
            square += ((loss(UNITARY + nudge) - loss(UNITARY - nudge)) / (2 * step)) ** 2
    assert found.weight_gradient.values.ravel()[0] == pytest.approx(np.log10(square) / 2, abs=1e-7)


def test_a_rotation_keeps_every_norm_and_a_phase_has_no_effect():
    """A complex diagonal of modulus 1/2: sigma = 2^-lag, Frobenius = 2^-lag sqrt(2 N), in closed form."""
    rates = 0.5 * np.exp(1j * np.arange(N))
    found = gradlab.measure(lambda r, h, x: r * h + x, rates, START, np.zeros((T, N), complex))
    lags = np.arange(T + 1)
    np.testing.assert_allclose(found.transport.values[..., 0, :].ravel(), -lags * np.log10(2), atol=1e-9)
    expected = np.log10(2 * N) / 2 - lags * np.log10(2)
    np.testing.assert_allclose(found.transport_frobenius.values.ravel(), expected, atol=1e-12)
    assert bool(found.linear.item())


W = np.random.default_rng(3).standard_normal((3, 3)) / 2
INPUTS = np.random.default_rng(4).standard_normal((T, 3))


def dropped(params, s, x):
    """Dropout drawn from a key in the state, a counter, and a flag that the numbers set."""
    key, own = jax.random.split(s["key"])
    keep = jax.random.bernoulli(own, 0.8, (3,))
    h = jnp.where(keep, jnp.tanh(params @ s["h"] + x), 0) / 0.8
    return {"h": h, "key": key, "n": s["n"] + 1, "up": h[0] > 0}


def given_masks(params, h, x):
    return jnp.where(x[1] > 0, jnp.tanh(params @ h + x[0]), 0) / 0.8


OPTIONS = {"w_rec": lambda p: p, "objective": "every"}


def start(key):
    return {"h": np.zeros(3), "key": key, "n": 0, "up": np.bool_(False)}


@pytest.fixture(scope="module")
def alone():
    """The same network without anything but its numbers: the masks come with the inputs."""
    key, masks = jax.random.key(3), []
    for _ in range(T):
        key, own = jax.random.split(key)
        masks.append(jax.random.bernoulli(own, 0.8, (3,)))
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        xs = np.stack([INPUTS, masks], axis=1)
        return gradlab.measure(given_masks, W, np.zeros(3), xs, **OPTIONS, probe=["saturation"])


@pytest.mark.parametrize("make", few([jax.random.key, jax.random.PRNGKey], (jax.random.PRNGKey,)))
def test_keys_counters_and_flags_are_carried_along_and_have_no_gradient(make, alone):
    probes = ["saturation"] if make is jax.random.key else []
    read = lambda s: s["h"]
    found = gradlab.measure(dropped, W, start(make(3)), INPUTS, **OPTIONS, readout=read, probe=probes)
    for name in (*QUANTITIES, *(["dead"] if probes else [])):
        np.testing.assert_array_equal(found[name].values, alone[name].values)
        np.testing.assert_array_equal(found[f"{name}_state"].values, alone[f"{name}_state"].values)
    assert found["part"].values.tolist() == ["state"]


def test_a_key_that_checkpoint_keeps_is_no_obstacle():
    state = start(jax.random.key(3, impl="rbg"))
    found = gradlab.measure(jax.checkpoint(dropped), W, state, INPUTS, w_rec=lambda p: p)
    assert (found.transport_state.values == OK).all()


def test_python_numbers_take_the_precision_of_the_arrays_beside_them():
    two = lambda w, s, x: (0.5 * s[0] + x, 0.25 * s[1])
    found = gradlab.measure(two, None, (np.ones(2, np.float32), 1.0), np.zeros((3, 2), np.float32))
    assert found.attrs["precision"] == "float32"
    np.testing.assert_allclose(
        found.transport_frobenius.sel(part="1").values.ravel(), -np.arange(4) * np.log10(4)
    )


def test_tokens_need_no_gradient_and_integer_parameters_are_left_alone():
    params = {"rows": np.full((5, 2), 0.5), "order": np.array([1, 0])}
    step = lambda p, h, x: (p["rows"][x] * h)[p["order"]]
    found = gradlab.measure(step, params, np.ones(2), np.array([0, 1, 4]), w_rec=lambda p: p["rows"])
    np.testing.assert_allclose(
        found.transport.values[..., 0, :].ravel(), -np.arange(4) * np.log10(2), atol=1e-9
    )
    assert (found.weight_gradient_state.values.ravel()[:3] == OK).all()


def test_trees_are_taken_apart_and_put_together():
    tree = {
        "z": jnp.asarray(1 + 2j),
        "n": jnp.asarray(3),
        "key": jax.random.key(0),
        "no": None,
        "h": jnp.ones(2),
    }
    shape = form("state", tree)
    real = encoded(tree, shape)
    assert jax.tree.map(lambda leaf: str(leaf.dtype), real) == {
        "z": "float64", "n": "int64", "key": "uint32", "no": None, "h": "float64"
    }  # fmt: skip
    numbers, others = split(real)
    assert (numbers["n"], others["h"], numbers["no"]) == (None, None, None)
    back = decoded(merged(numbers, others), shape)
    assert complex(back["z"]) == 1 + 2j
    assert back["key"] == tree["key"]
    assert back["no"] is None
    assert [name for name, _ in named("state", tree)] == [
        "state['h']",
        "state['key']",
        "state['n']",
        "state['z']",
    ]
