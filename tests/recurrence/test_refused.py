"""What is no network that can be measured is refused, each by its place."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gradlab
from gradlab.errors import GradlabError
from gradlab.recurrence.given import network
from gradlab.registry import make


@pytest.fixture(autouse=True)
def _as_a_user_has_it():
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


h, xs, w = np.zeros(2), np.zeros((4, 2)), 0.5
keep = lambda w, h, x: w * h + x
still = lambda p, h, x: h + x
part = lambda w, s, x: {"h": w * s["h"] + x, "n": s["n"] + 1}


def spoilt(array, at, value):
    return np.where(
        np.arange(array.size).reshape(array.shape) == np.ravel_multi_index(at, array.shape), value, array
    )


def call(step=keep, params=w, state=h, inputs=xs, **options):
    return lambda: gradlab.measure(step, params, state, inputs, **options)


half = jnp.zeros(2, jnp.bfloat16)
REFUSED = {
    "lengths": (call(inputs={"a": xs, "b": xs[:3]}), "xs", "xs['a'] has 4, xs['b'] has 3 steps"),
    "nan in xs": (call(inputs=spoilt(xs, (3, 1), np.nan)), "xs[3, 1]", "is nan"),
    "inf in a tree of xs": (call(inputs={"a": spoilt(xs, (0, 1), np.inf)}), "xs['a'][0, 1]", "is inf"),
    "inf in params": (call(params={"w": spoilt(np.eye(2), (0, 1), -np.inf)}), "params['w'][0, 1]", "is -inf"),
    "nan, the only parameter": (call(params=float("nan")), "params", "is nan"),
    "nan in a complex number": (call(state=spoilt(h + 0j, (1,), 1j * np.nan)), "state[1]", "nan"),
    "nan in a part": (call(part, state={"h": spoilt(h, (1,), np.nan), "n": 0}), "state['h'][1]", "is nan"),
    "xs without time": (call(inputs=np.float64(1)), "xs", "without an axis of time"),
    "xs of lists": (call(inputs=[[0.0, 1.0]]), "xs[0][0]", "without an axis of time"),
    "no xs": (call(inputs=None), "xs", "at least 1 step"),
    "no state": (call(state=None), "state", "is empty"),
    "a state of nobody": (call(state={}), "state", "is empty"),
    "a state of no entries": (call(state=h[:0]), "state", "has no entries"),
    "a state of integers": (call(state=np.zeros(2, int)), "state", "holds int64 numbers"),
    "objects": (call(inputs=np.array([[1, None]], object)), "xs", "is an array of object"),
    "words": (call(state="abc"), "state", "'abc'"),
    "words in an array": (call(inputs=np.array(["a"])), "xs", "<U1"),
    "bfloat16": (call(state=half, params=half[0], inputs=half[None]), "state", "is bfloat16"),
    "bfloat16 beside": (call(state={"c": half, "h": h}), "state['c']", "is bfloat16"),
    "float16 in params": (call(params={"w": np.float16(1)}), "params['w']", "is float16"),
    "two precisions": (call(state={"a": h, "b": h.astype("f4")}), "state", "mixes precisions"),
    "weights from elsewhere": (call(w_rec=lambda p: 3.0), "w_rec", "is not in params"),
    "weights that are none": (call(w_rec=lambda p: None), "w_rec", "picks nothing"),
    "weights of words": (call(still, params={"n": "x"}, w_rec=lambda p: p["n"]), "w_rec", "picks 'x'"),
    "weights that are integers": (
        call(still, params={"n": np.arange(2)}, w_rec=lambda p: p["n"]), "w_rec", "picks [0 1]"
    ),
    "weights that are missing": (call(w_rec=lambda p: p["W"]), "w_rec", "fails on params"),
    "another container": (call(lambda w, s, x: (s[0], s[1]), state=[h, h]), "step", "the state is [*, *]"),
    "another shape": (call(lambda w, h, x: jnp.zeros(3)), "step", "float64[2] into float64[3]"),
    "a missing key": (call(lambda p, h, x: p["w"], params={"v": w}), "step", "KeyError"),
    "a product that does not fit": (call(lambda p, h, x: p @ h, params=np.eye(3)), "step", "be traced"),
    "no reverse mode": (
        call(lambda w, h, x: jax.lax.while_loop(lambda h: h.sum() < 1, lambda h: h + 1, h)),
        "step",
        "cannot be differentiated",
    ),
    "a readout of integers": (
        call(part, state={"h": h, "n": 0}, readout=lambda s: s["n"]), "readout", "holds no number"
    ),
    "a readout that counts": (
        call(part, state={"h": h, "n": 0}, readout=lambda s: s["h"] * s["n"]), "readout", "with integers"
    ),
    "a readout of what is missing": (call(readout=lambda s: s.h), "readout", "fails on the state"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_measured_is_refused_by_its_place(what):
    run, where, words = REFUSED[what]
    with pytest.raises(GradlabError) as caught:
        run()
    assert (caught.value.where, caught.value.code) == (where, 2)
    line = str(caught.value)
    assert words in line
    assert line.isprintable()
    assert len(line) < 400


@pytest.mark.parametrize(
    ("step", "words"), [(3, "is of type int; pass a function"), (make("cells", "elman"), "its method `step`")]
)
def test_what_is_no_function_is_told_what_to_pass(step, words):
    with pytest.raises(GradlabError, match=words):
        network(step, w, h, xs, readout=lambda s: s, recurrent=None)


@pytest.mark.parametrize("transform", [jax.jit, jax.grad, lambda f: lambda h: jax.vmap(f)(h[None])])
def test_what_is_being_traced_has_no_value_and_says_so(transform):
    measured = lambda h: gradlab.measure(lambda w, h, x: w * h, w, h, xs).rate.sum()
    with pytest.raises(GradlabError, match=r"state.*outside of jax\.jit"):
        transform(measured)(h)


def test_an_overflow_of_the_forward_pass_is_still_one():
    found = gradlab.measure(lambda w, h, x: h * h * 1e200, w, np.full(2, 1e200), xs)
    assert found.nonfinite_step.item() == 1
