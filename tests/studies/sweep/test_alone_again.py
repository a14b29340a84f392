"""A second call of `measure` compiles nothing, and is never the first one's answer to another question."""

import collections
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gradlab
from tests.tiers import few

Named = collections.namedtuple("Named", "u")
XS = np.linspace(-1, 1, 20)[:, None] * np.ones(4)
measure = functools.partial(gradlab.measure, params=np.eye(4) / 2, state=np.zeros(4), xs=XS)


@pytest.fixture
def compilations():
    """The number of programs that have been compiled since."""
    count = []
    listen = lambda event, seconds, **_: count.append(event) if "backend_compile" in event else None
    jax.monitoring.register_event_duration_secs_listener(listen)
    yield lambda: len(count)
    jax.monitoring.unregister_event_duration_listener(listen)


def step(w, h, x):
    return jnp.tanh(h @ w + x)


@pytest.mark.parametrize("again", [step, lambda w, h, x: jnp.tanh(h @ w + x)])
def test_a_second_call_compiles_nothing_and_says_the_same(again, compilations):
    first = measure(step)
    so_far = compilations()
    second = measure(again)
    assert compilations() == so_far
    np.testing.assert_array_equal(second.transport, first.transport)


@pytest.mark.slow
@pytest.mark.parametrize("objective", few(["last", "every"], ["last"]))
def test_another_target_is_another_number_of_the_same_program(objective, compilations):
    loss = lambda h, target: ((h - target) ** 2).sum()
    targets = [np.full((20, 4) if objective == "every" else 4, value) for value in (0.0, 0.25)]
    ask = functools.partial(measure, step, objective=objective, loss=loss, probe="error_flow")
    one = ask(targets=targets[0])
    so_far = compilations()
    other = ask(targets=targets[1])
    assert compilations() == so_far
    h = np.zeros(4)
    for x in XS:
        h = np.tanh(h / 2 + x)
    for found, target in ((one, 0.0), (other, 0.25)):
        last = found.adjoint.sel(part="state", lag=0).item()
        np.testing.assert_allclose(last, np.log10(np.linalg.norm(2 * (h - target))), rtol=0, atol=1e-12)


@pytest.mark.slow
def test_a_loss_may_ask_in_python_what_its_target_is():
    loss = lambda h, target: h[int(target)] if int(target) >= 0 else -3 * h.sum()
    at = lambda target: measure(step, loss=loss, targets=target).adjoint.sel(part="state", lag=0).item()
    np.testing.assert_allclose([at(2), at(-1)], [0, np.log10(6)], rtol=0, atol=1e-12)


@pytest.mark.parametrize("make", [np.full, jnp.full])
@pytest.mark.parametrize(
    "shape", [(), *(pytest.param(shape, marks=pytest.mark.slow) for shape in ((4, 4), (4, 4, 4096)))]
)
def test_what_a_step_reads_from_outside_may_change(make, shape):
    outside = {"factor": make(shape, 0.5)}

    def step(w, h, x):
        return h @ w * outside["factor"].max() + x

    halves = measure(step).transport.isel(T=0, cell=0, init=0, w_rec=0, seed=0, part=0)
    outside["factor"] = make(shape, 0.25)
    quarters = measure(step).transport.isel(T=0, cell=0, init=0, w_rec=0, seed=0, part=0)
    lag = np.arange(21)
    np.testing.assert_allclose(halves, lag * np.log10(0.25), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(quarters, lag * np.log10(0.125), rtol=1e-6, atol=1e-6)


def test_the_same_numbers_in_another_place_are_another_network():
    one = functools.partial(
        gradlab.measure, params={"a": 0.5, "b": 0.9}, state=np.zeros(1), xs=np.ones((5, 1))
    )
    at = lambda step: 10 ** one(step).transport.sel(lag=5, part="state").item()
    assert at(lambda p, h, x: p["a"] * h + x) == pytest.approx(0.5**5)
    assert at(lambda p, h, x: p["b"] * h + x) == pytest.approx(0.9**5)


@pytest.mark.slow
def test_the_same_numbers_may_have_other_names():
    w, h = np.eye(4) / 2, np.zeros(4)
    found = [
        gradlab.measure(lambda p, s, x: [jnp.tanh(s[0] @ p["w"] + x)], {"w": w}, [h], XS),
        gradlab.measure(lambda p, s, x: [jnp.tanh(s[0] @ p["u"] + x)], {"u": w}, [h], XS),
        gradlab.measure(lambda p, s, x: (jnp.tanh(s[0] @ p.u + x),), Named(w), (h,), XS, w_rec=lambda p: p.u),
    ]
    for other in found[1:]:
        np.testing.assert_array_equal(other.transport, found[0].transport)
    assert found[2].leaf.values.tolist() == ["u"]


@pytest.mark.slow
def test_a_callback_is_never_the_one_of_another_call():
    def at(value):
        @jax.custom_jvp
        def factor(x):
            here = jax.ShapeDtypeStruct((), x.dtype)
            return jax.pure_callback(lambda _: np.float64(value), here, x.sum(), vmap_method="expand_dims")

        factor.defjvp(lambda at, along: (factor(*at), jnp.zeros(())))
        found = measure(lambda w, h, x: h @ w * factor(x) + x)
        return found.transport.sel(lag=10, part="state").item()

    np.testing.assert_allclose([at(0.5), at(0.25)], [10 * np.log10(0.25), 10 * np.log10(0.125)], rtol=1e-6)


def test_the_programs_that_are_kept_are_few():
    from gradlab.studies.sweep import single

    for k in range(single._KEEP + 4):
        single.compiled(lambda x, k=k: x + k, jnp.zeros(()))
    assert len(single._KEPT) == single._KEEP
