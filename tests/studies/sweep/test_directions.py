"""`gradlab.measure` of two directions and of several layers, against plain numbers and dense Jacobians."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gradlab
from gradlab.errors import GradlabError

T = 4
RNG = np.random.default_rng(2)
XS = RNG.standard_normal((T, 3))
BOTH = [tuple((RNG.uniform(0.3, 0.9), RNG.standard_normal(d)) for _ in range(2)) for d in (3, 2)]
"""Of each layer and direction the recurrent weight and those of the input."""
START = (np.full(1, 0.2), np.full(1, -0.1))


def unit(p, h, x):
    return jnp.tanh(p[0] * h + p[1] @ x)


NET = gradlab.Bidirectional(unit, layers=2)


def given(pairs=BOTH):
    return jax.tree.map(jnp.asarray, pairs)


def run(p, h, xs):
    hs = [h]
    for x in xs:
        hs.append(np.tanh(p[0] * hs[-1] + p[1] @ x))
    return np.array(hs)


def by_hand(xs):
    """log10 of the transport of each layer and direction, by lag."""
    found, below = [], xs
    for layer in BOTH:
        outs = []
        for end, (p, h) in enumerate(zip(layer, START, strict=True)):
            hs = run(p, h, below[::-1] if end else below)
            found.append(np.append(0, np.cumsum(np.log10(p[0] * (1 - hs[:0:-1, 0] ** 2)))))
            outs.append(hs[:0:-1] if end else hs[1:])
        below = np.concatenate(outs, axis=1)
    return found


NAMES = ["unit.l0", "unit.l0_reverse", "unit.l1", "unit.l1_reverse"]


def test_each_layer_and_direction_has_its_own_lag():
    found = gradlab.measure(NET, given(), given([START] * 2), jnp.asarray(XS), w_rec=lambda p: p[0])
    assert found.cell.values.tolist() == NAMES
    assert "each layer and direction along its own lag" in found.attrs["held"]
    for name, want in zip(NAMES, by_hand(XS), strict=True):
        got = found["transport"].sel(cell=name, part="state").squeeze().values
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-12)
    assert gradlab.Run.of(found).table()["cell"].tolist() == NAMES


@pytest.mark.slow
def test_each_of_several_sequences_is_turned_at_its_own_end():
    """The second one is the first one's own first steps, and what follows is not read."""
    ends = (T, 2)
    xs = np.stack([XS, np.where(np.arange(T)[:, None] < 2, XS, np.nan)])
    found = gradlab.measure(
        NET, given(), given([START] * 2), jnp.asarray(xs), w_rec=lambda p: p[0], lengths=ends
    )
    for i, name in enumerate(NAMES):
        got = found["transport"].sel(cell=name, part="state").squeeze().values
        one, two = by_hand(XS)[i], by_hand(XS[:2])[i]
        np.testing.assert_allclose(got[:3], (one[:3] + two) / 2, rtol=0, atol=1e-12)
        np.testing.assert_allclose(got[3:], one[3:], rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"params": given()[:1]}, "params: is a list of another form; of a Bidirectional it is a pair"),
        ({"state": {"h": np.zeros(1)}}, "state: is a dict of another form; .* for each of its 2 layers"),
        ({"step": gradlab.Bidirectional(unit, layers=0)}, "layers: is 0; a whole number, 1 or more"),
        ({"loss": lambda a, b: a.sum()}, "loss: is for one direction; .* gradlab.reach takes the whole"),
        ({"resets": [True] * T}, "resets: is for one direction"),
        (
            {"step": gradlab.Bidirectional(unit, layers=2, readout=lambda h: (h, h))},
            "readout: gives several arrays, and the layer above reads one",
        ),
    ],
)
def test_what_are_not_two_directions_is_refused(changed, message):
    how = {"step": NET, "params": given(), "state": given([START] * 2), "xs": jnp.asarray(XS)} | changed
    with pytest.raises(GradlabError, match=message):
        gradlab.measure(**how)


def stacked(p, state, x):
    low = jnp.tanh(p["low"] @ state["low"] + x)
    return {"low": low, "top": jnp.tanh(p["top"] @ state["top"] + low)}


@pytest.mark.slow
def test_layers_of_one_step_are_parts_of_its_state():
    """A part's Frobenius norm is that of its columns of the whole Jacobian, here by plain autodiff."""
    p = {name: jnp.asarray(RNG.standard_normal((3, 3))) for name in ("low", "top")}
    start = {"low": jnp.full(3, 0.1), "top": jnp.full(3, -0.2)}
    xs = jnp.asarray(XS[:3])
    found = gradlab.measure(stacked, p, start, xs, w_rec=lambda p: p)
    assert found.part.values.tolist() == ["state", "low", "top"]
    states = [start]
    for x in xs:
        states.append(stacked(p, states[-1], x))

    def onward(state, t):
        for x in xs[t:]:
            state = stacked(p, state, x)
        return jnp.concatenate([state["low"], state["top"]])

    for lag in range(4):
        jacobian = jax.jacrev(onward)(states[3 - lag], 3 - lag)
        whole = np.concatenate([jacobian["low"], jacobian["top"]], axis=1)
        for part, columns in (("state", whole), ("low", jacobian["low"]), ("top", jacobian["top"])):
            got = found["transport_frobenius"].sel(part=part, lag=lag).item()
            assert got == pytest.approx(np.log10(np.linalg.norm(columns)), abs=1e-12)
