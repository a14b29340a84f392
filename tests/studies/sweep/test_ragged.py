"""`gradlab.measure(..., lengths=)`: each sequence alone at its own length, and autodiff of the mean loss."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gradlab
from gradlab import probes, quantities
from gradlab.errors import GradlabError
from gradlab.runs import manifest
from gradlab.states import BELOW_PRECISION, EXACT_ZERO, NOT_COMPUTED, OK, UNDEFINED
from gradlab.states import FORWARD_NONFINITE as BROKEN
from gradlab.studies.sweep import columns, probed, table
from tests.probes.networks import network

LENGTHS, T = (4, 2, 4), 4
B = len(LENGTHS)
COLUMNS = ("adjoint", "transport", "transport_frobenius", "weight_gradient")
RNG = np.random.default_rng(1)
XS = RNG.standard_normal((B, T + 1, 2))
"""With a step more than any sequence has."""
OUT = RNG.standard_normal((3, 3))
CLASSES = RNG.integers(0, 3, (B, T + 1))
RESETS = np.arange(T + 1) == np.array([[2], [3], [9]])


def loss(logits, label):
    return jax.nn.logsumexp(logits) - logits[label]


@pytest.fixture(scope="module")
def net():
    return network("elman", T, n=3)


EVERY = {"loss": loss, "targets": CLASSES, "objective": "every"}
WAYS = {"every": EVERY, "resets": EVERY | {"resets": RESETS}}
of_each_way = pytest.mark.parametrize("way", ["every", pytest.param("resets", marks=pytest.mark.slow)])


def read(state):
    return OUT @ jnp.tanh(state.h)


def together(net, way, xs=XS, **changed):
    how = {"readout": read, "lengths": LENGTHS} | WAYS[way] | changed
    return gradlab.measure(net.cell.step, net.params, net.state, xs, **how)


def alone(net, way, i):
    """Sequence i by itself, at its own length."""
    n, how = LENGTHS[i], dict(WAYS[way])
    if "targets" in how:
        how["targets"] = how["targets"][i][:n]
    if "resets" in how:
        how["resets"] = how["resets"][i][:n]
    return gradlab.measure(net.cell.step, net.params, net.state, XS[i, :n], readout=read, **how)


@pytest.fixture(scope="module")
def measured(net):
    """All sequences together, and each alone; by way, when it is asked for."""
    return functools.cache(lambda way: (together(net, way), [alone(net, way, i) for i in range(B)]))


def of(found, name):
    """Values and states, by part and lag."""
    return np.squeeze(found[name].values, (0, 1, 2, 3, 4)), np.squeeze(
        found[f"{name}_state"].values, (0, 1, 2, 3, 4)
    )


@of_each_way
@pytest.mark.slow
def test_norms_by_lag_are_the_means_of_each_sequence_alone(measured, way):
    found, each = measured(way)
    for name in COLUMNS:
        value, state = of(found, name)
        for lag in range(T + 1):
            known = [of(one, name) for one, n in zip(each, LENGTHS, strict=True) if lag <= n]
            logs = np.array([v[..., lag] for v, _ in known])
            codes = np.array([s[..., lag] for _, s in known])
            ok = codes == OK
            np.testing.assert_array_equal(state[..., lag] == OK, ok.any(0))
            mean = np.where(ok, logs, 0).sum(0) / np.maximum(ok.sum(0), 1)
            np.testing.assert_allclose(value[..., lag], np.where(ok.any(0), mean, np.nan), rtol=0, atol=1e-12)
            if (codes == EXACT_ZERO).all():
                assert (state[..., lag] == EXACT_ZERO).all()
    leaves, _ = of(found, "gradient")
    np.testing.assert_allclose(leaves, np.mean([of(one, "gradient")[0] for one in each], 0), atol=1e-12)
    assert found["T"].item() == T
    assert found.attrs["objective"] == each[0].attrs["objective"]
    assert found["state_shift"].item() == pytest.approx(max(one["state_shift"].item() for one in each))


@pytest.mark.slow
def test_it_says_how_many_sequences_stand_behind_each_lag(measured):
    found, _ = measured("every")
    sequences, state = of(found, "sequences")
    assert sequences.tolist() == [3, 3, 3, 2, 2]
    assert (state == OK).all()
    assert [name for name in map(str, found.data_vars) if name.endswith("_sequences")] == []


@pytest.mark.slow
def test_behind_a_reset_a_sequence_is_in_no_mean(measured):
    """Its transport is zero there; and every column says what it is."""
    found = measured("resets")[0]
    counted, _ = of(found, "transport_sequences")
    assert counted.tolist() == [3, 3, 2, 1, 1]
    for name, axes in columns.columns(found).items():
        assert probes.named(name, axes).meaning != probes.named(name).words, name


@of_each_way
@pytest.mark.slow
def test_weight_gradients_are_those_of_the_mean_loss(net, measured, way):
    """Plain autodiff in float64, with a copy of the weights for each step of each sequence."""
    found, _ = measured(way)

    def total(copies):
        losses = []
        for i, n in enumerate(LENGTHS):
            state, term = net.state, 0.0
            for t in range(n):
                if way == "resets" and RESETS[i, t]:
                    state = net.state
                state = net.cell.step(
                    jax.tree.map(lambda leaf, i=i, t=t: leaf[i, t], copies), state, jnp.asarray(XS[i, t])
                )
                term += loss(read(state), CLASSES[i, t])
            losses.append(term)
        return sum(losses) / B

    copies = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (B, T, *leaf.shape)), net.params)
    by_step = jax.jit(jax.grad(total))(copies)
    value, state = of(found, "weight_gradient_of_mean")
    for lag in range(T):
        at = [(i, n - 1 - lag) for i, n in enumerate(LENGTHS) if n > lag]
        part = sum(np.asarray(net.cell.recurrent(by_step)[i, t]) for i, t in at) * B / len(at)
        norm = np.linalg.norm(part)
        assert state[lag] == (OK if norm else EXACT_ZERO)
        if norm:
            assert value[lag] == pytest.approx(np.log10(norm), abs=1e-12)
    assert state[T] == UNDEFINED
    for name, leaf in by_step._asdict().items():
        norm = found["gradient_of_mean"].sel(leaf=name).item()
        assert norm == pytest.approx(np.log10(np.linalg.norm(leaf.sum((0, 1)))), abs=1e-12)


@of_each_way
@pytest.mark.parametrize("padding", [np.nan, 1e30])
def test_what_is_padding_changes_nothing(net, measured, way, padding):
    there = np.arange(T + 1) < np.array(LENGTHS)[:, None]
    spoilt = {"xs": np.where(there[..., None], XS, padding), "targets": np.where(there, CLASSES, -9)}
    if way == "resets":
        spoilt["resets"] = RESETS | ~there
    assert together(net, way, **spoilt).identical(measured(way)[0])


def test_a_run_of_it_is_saved_and_read(measured, tmp_path):
    run = gradlab.Run.of(measured("every")[0])
    run.save(tmp_path / "mine")
    again = gradlab.load(tmp_path / "mine")
    assert again.norms["sequences"].squeeze().values.tolist() == [3, 3, 3, 2, 2]
    rows = again.stored.metrics.set_index("metric")
    assert rows.loc["sequences[lag=4]", "value"] == 2
    assert "gradient_of_mean[leaf=w_rec]" in rows.index
    over = again.norms.attrs["averaged"]
    assert f"(this network, {over})" in again.verdict
    shown = table.render(again.stored, 1000, unicode=True, color=False).plain
    assert f"this network, {over}." in shown
    (note,) = manifest.of_code(again.about)
    assert note.endswith("functions that were passed from Python; whether these change, no digest sees.")
    text = probed.render(again.stored, 1000, color=False).plain
    assert "sequences[lag]: sequences that have the lag, each counted from its own last step, in" in text
    assert [line[:6] for line in text.splitlines()[2:5]] == [" w_rec", "      ", "   own"]
    assert all(quantities.fault(facts) == "" for facts in quantities.SEVERAL.values())
    assert {*quantities.SEVERAL} <= {*map(str, again.norms.data_vars)}


def test_a_zero_is_not_called_undefined(measured):
    """As it is at the last lag of the mean gradient, where the state is the initial one of zeros."""
    for code in (EXACT_ZERO, UNDEFINED):
        norms = measured("every")[0].copy(deep=True)
        norms["weight_gradient_of_mean"][..., :T] = np.nan
        norms["weight_gradient_of_mean_state"][..., :T] = code
        said = table.render(gradlab.Run.of(norms).stored, 100, unicode=True, color=False).plain
        assert ("of this run: weight_gradient_of_mean." in said) == (code == UNDEFINED)


def counting(w, state, x):
    h = jnp.tanh(w * state["h"] * (1 + state["n"].astype(float) / 9) + x)
    return {"h": h, "n": state["n"] + 1}


@pytest.mark.slow
def test_a_counter_is_carried_along_each_sequence_and_a_zero_of_rounding_names_its_own():
    """The transport is a product of numbers here."""
    xs, w = np.array([[0.1, 0.2, 0.3], [0.1, 50.0, 0.1]])[..., None], 0.8
    state = {"h": jnp.full(1, 0.3), "n": jnp.int32(0)}
    found = gradlab.measure(counting, jnp.array(w), state, xs, lengths=[2, 3], w_rec=lambda w: w)
    h, factors = 0.3, []
    for n, x in enumerate((0.1, 0.2)):
        h = np.tanh(w * h * (1 + n / 9) + x)
        factors.append(w * (1 + n / 9) * (1 - h**2))
    h = np.tanh(w * np.tanh(50.0) * (1 + 2 / 9) + 0.1)
    other = w * (1 + 2 / 9) * (1 - h**2)
    value, state = of(found, "transport")
    want = np.log10([1, np.sqrt(factors[1] * other), factors[1] * factors[0]])
    np.testing.assert_allclose(value[0, :3], want, rtol=0, atol=1e-12)
    assert state[0].tolist() == [OK, OK, OK, BELOW_PRECISION]
    assert of(found, "transport_sequences")[0].tolist() == [2, 2, 1, 0]
    assert found.attrs["rounded"].startswith("xs[1]: the transport is rounded to zero from lag 2 on: tanh'")


def test_a_counter_is_traced_as_often_for_all_sequences_as_for_one():
    calls = []
    step = lambda *given: calls.append(given) or counting(*given)
    state, xs = {"h": jnp.full(1, 0.3), "n": jnp.int32(0)}, np.ones((3, 4, 1))
    for lengths in ([4], [4, 2, 3]):
        calls.append(None)
        gradlab.measure(step, jnp.array(0.8), state, xs[: len(lengths)], lengths=lengths)
    one = calls.index(None, 1)
    assert len(calls) == 2 * one


def squaring(w, h, x):
    return w * h * h + x


def squared(xs, signs):
    how = {"w_rec": lambda w: w, "loss": lambda h, sign: (h * sign).sum(), "targets": np.array(signs)}
    how |= {"lengths": [4, 3], "probe": "reach"}
    return gradlab.measure(squaring, jnp.array(0.5), jnp.full(1, 0.3), np.array(xs)[..., None], **how)


@pytest.mark.slow
def test_a_sequence_that_breaks_is_named():
    found = squared([[0.1, 0.1, 0.1, 0.1], [1e200, 1.0, 1.0, 9.9]], [1.0, 1.0])
    assert found.attrs["broken"] == "the forward pass is not finite: xs[1] from step 2"
    assert found["nonfinite_step"].item() == 2
    assert gradlab.verdict(found).splitlines()[1:] == [
        "Means over 2 sequences of 3 to 4 steps, beyond lag 3 over those that have it.",
        "The forward pass is not finite: xs[1] from step 2.",
    ]
    for name in ("transport", "adjoint", "reach", "weight_gradient_of_mean"):
        assert of(found, name)[1].ravel()[0] == BROKEN
    # At the lag that it has not, the other one is there.
    assert of(found, "transport")[1][0, 4] == OK


@pytest.mark.slow
def test_sequences_that_cancel_have_no_norm_of_their_mean():
    """The part of a step is h^2 at lag 0, whatever its sign; the targets' signs are opposite."""
    found = squared([[0.1, 0.2, 0.2, 0.3], [0.2, 0.2, 0.3, np.nan]], [1.0, -1.0])
    hs = []
    for xs in ((0.1, 0.2, 0.2, 0.3), (0.2, 0.2, 0.3)):
        hs.append([0.3])
        for x in xs:
            hs[-1].append(0.5 * hs[-1][-1] ** 2 + x)
    want = [np.mean(np.log10([h[-1 - lag] for h in hs])) for lag in (1, 2)]
    value, _ = of(found, "reach")
    assert value[1] == pytest.approx(want[0], abs=1e-12)  # the derivative by h is 2 w h = h
    assert value[2] == pytest.approx(want[0] + want[1], abs=1e-12)
    assert of(found, "weight_gradient_of_mean")[0][0] == pytest.approx(
        np.log10(abs(hs[0][-2] ** 2 - hs[1][-2] ** 2) / 2), abs=1e-10
    )
    # 0.255 leads to the start of the other one: from there on both are the same, with opposite signs.
    same = squared([[0.255, 0.2, 0.2, 0.3], [0.2, 0.2, 0.3, np.nan]], [1.0, -1.0])
    value, state = of(same, "weight_gradient_of_mean")
    assert of(same, "weight_gradient")[1][:4].tolist() == [OK] * 4
    assert state.tolist() == [NOT_COMPUTED] * 3 + [OK, UNDEFINED]
    assert np.isnan(value[:3]).all()


@pytest.mark.parametrize(
    ("changed", "where", "what"),
    [
        (
            {"lengths": [4, 0, 4]},
            "lengths[1]",
            "is 0; a whole number from 1 to 5 for each of the 3 sequences",
        ),
        ({"lengths": [4, 2, 6]}, "lengths[2]", "is 6; a whole number from 1 to 5"),
        ({"lengths": [4, 2]}, "lengths", "has 2 entries; a whole number"),
        ({"lengths": [4.0, 2.0, 4.0]}, "lengths", "is float64[3]; a whole number"),
        ({"lengths": [True, True, True]}, "lengths", "is bool[3]; a whole number"),
        ({"lengths": 4}, "lengths", "is int64[]; a whole number"),
        ({"lengths": "4"}, "lengths", "a whole number"),
        ({"lengths": [[1], [2, 3]]}, "lengths", "is a list; a whole number"),
        ({"xs": np.zeros(3)}, "xs", "has shape (3,); with lengths it is a batch, batch first: (B, T, ...)"),
        ({"xs": np.zeros((3, 0, 2))}, "xs", "is empty"),
        ({"xs": (XS, XS[:, :4])}, "xs", "differs in its first two axes: xs[0] has (3, 5), xs[1] has (3, 4)"),
        ({"xs": np.where(np.arange(10).reshape(5, 2) == 3, np.inf, XS)}, "xs[0, 1, 1]", "is inf"),
        ({"resets": RESETS[0]}, "resets", "is bool[5]; write True or False for each step, of shape (3, 5)"),
        ({"targets": 2}, "targets", "has shape (); of these sequences it is (3, ...)"),
        (
            {"loss": loss, "targets": CLASSES[:, :3], "objective": "every"},
            "targets",
            "has shape (3, 3); of these sequences it is (3, 5, ...), one for each step",
        ),
        ({"probe": "error_flow"}, "probe", "counts by from_step, and sequences of other lengths share lags"),
        ({"loss": lambda a, b: a, "targets": CLASSES[:, 0]}, "loss", "it must return one real number"),
    ],
)
def test_what_is_no_batch_is_refused(net, changed, where, what):
    with pytest.raises(GradlabError) as caught:
        together(net, "every", **({"loss": loss, "targets": CLASSES[:, 0], "objective": "last"} | changed))
    assert caught.value.where == where
    assert what in caught.value.what


@pytest.mark.slow
def test_an_identical_call_compiles_nothing(caplog):
    """With a zero of rounding, whose reason is looked for, and a further probe of each sequence."""

    def once():
        # Functions anew, as whoever calls it in a loop has them.
        step = lambda w, h, x: jnp.tanh(w @ h + x)
        xs = jnp.full((2, 6, 3), 30, jnp.float32)
        w, h = 1e-3 * jnp.eye(3, dtype=jnp.float32), jnp.zeros(3, jnp.float32)
        return gradlab.measure(step, w, h, xs, lengths=[6, 4], w_rec=lambda w: w, probe="reach")

    with jax.log_compiles(), caplog.at_level("WARNING", "jax"):
        first = once()
        assert "Finished XLA compilation" in caplog.text
        caplog.clear()
        again = once()
        assert "Finished XLA compilation" not in caplog.text
    assert "rounded" in first.attrs
    assert again.identical(first)
