"""`gradlab.reach` of torch callables: planted cuts, masks, resets and dead units, attention included."""

import numpy as np
import pytest

import gradlab
from gradlab import digests
from gradlab.errors import GradlabError
from gradlab.states import BELOW_PRECISION, EXACT_ZERO, OK

torch = pytest.importorskip("torch")
nn = torch.nn

T, D, N = 20, 3, 4
XS = torch.randn(T, D, generator=torch.Generator().manual_seed(0))


def made(kind, *sizes, **settings):
    torch.manual_seed(1)
    return kind(*sizes, **settings)


LSTM = made(nn.LSTM, D, N)
EMBED = made(nn.Linear, D, N)
HEADS = made(nn.MultiheadAttention, N, 2)


def test_norms_are_those_of_the_jacobian():
    module = made(nn.LSTM, D, N).double()
    found = gradlab.reach(module, XS)
    J = torch.autograd.functional.jacobian(lambda xs: module(xs)[0][-1], XS.double()).numpy()
    expected = [np.log10(np.linalg.norm(J[:, T - 1 - lag], 2)) for lag in range(T)]
    np.testing.assert_allclose(found.norms.reach.values, expected, rtol=0, atol=1e-9)
    assert (found.precision, set(found.reasons)) == ("float64", {"ok"})
    assert all(p.grad is None for p in module.parameters())


def truncated(xs, k=12):
    """Back-propagation truncated after k steps."""
    state = None
    for t, x in enumerate(xs):
        if state is not None and t == len(xs) - k:
            state = tuple(part.detach() for part in state)
        out, state = LSTM(x[None], state)
    return out


class Started(nn.Module):
    """The first steps under no_grad, as a warm-up is written."""

    def __init__(self):
        super().__init__()
        self.lstm, self.head = made(nn.LSTM, D, N), made(nn.Linear, N, 2)

    def forward(self, xs):
        with torch.no_grad():
            _, state = self.lstm(xs[:-8])
        return self.head(self.lstm(xs[-8:], state)[0])


def seen(width):
    i = torch.arange(T)
    return (i[None] <= i[:, None]) & (i[None] > i[:, None] - width)


def windowed(xs):
    h = EMBED(xs)
    return HEADS(h, h, h, attn_mask=~seen(6))[0]


def fused(xs):
    h = EMBED(xs)[None, None]
    return nn.functional.scaled_dot_product_attention(h, h, h, attn_mask=seen(6))[0, 0]


def cached(xs):
    """Attention over keys and values kept from before, detached."""
    h = EMBED(xs)
    kept = torch.cat([h[:-7].detach(), h[-7:]])
    return torch.softmax(h[-1:] @ kept.T, -1) @ kept


def dead(xs):
    return LSTM(xs[-5:])[0][-1].sum() + torch.relu(xs - 9).sum()


def saturated(xs):
    return LSTM(xs[-5:])[0][-1].sum() + torch.tanh(xs[:-5] + 50).sum()


PLANTED = {
    "detach": (cached, 7, "cut", EXACT_ZERO),
    "truncated back-propagation": (truncated, 12, "cut", EXACT_ZERO),
    "no_grad": (Started(), 8, "cut", EXACT_ZERO),
    "a reset": (lambda xs: LSTM(xs[-5:])[0], 5, "unused", EXACT_ZERO),
    "attention over a window": (windowed, 6, "unused", EXACT_ZERO),
    "fused attention over a window": (fused, 6, "unused", EXACT_ZERO),
    "a dead unit": (dead, 5, "flat", None),
    "a saturated unit": (saturated, 5, "rounded", BELOW_PRECISION),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_zero_is_named(name):
    fn, first, word, state = PLANTED[name]
    found = gradlab.reach(fn, XS)
    assert (found.norms.reach_state.values[:first] == OK).all()
    assert set(found.reasons[first:]) == {word}
    if state is not None:
        assert (found.norms.reach_state.values[first:] == state).all()
    if word == "cut":
        assert f"cut exactly at lag {first}" in found.verdict


def test_a_mask_of_single_steps_is_no_reset():
    kept = torch.ones(T, 1)
    kept[[3, 9]] = 0
    found = gradlab.reach(lambda xs: LSTM(xs * kept)[0], XS)
    assert [lag for lag, word in enumerate(found.reasons) if word == "unused"] == [10, 16]


def test_a_vanished_gradient_is_told_from_a_cut():
    """In float32 both are zeros; in float64 one of them is not."""
    rnn = made(nn.RNN, D, N)
    with torch.no_grad():
        rnn.weight_hh_l0.mul_(1e-6)
    found = gradlab.reach(rnn, XS)
    assert found.reasons[0] == "ok"
    assert "rescaled" in found.reasons
    assert found.reasons[-1] == "rounded"
    assert {"cut", "unused"}.isdisjoint(found.reasons)


def test_a_callable_of_arrays_that_makes_tensors_of_them_is_torchs():
    found = gradlab.reach(lambda xs: LSTM(xs)[0], XS.numpy())
    same = gradlab.reach(lambda xs: LSTM(xs)[0], XS)
    assert found.norms.equals(same.norms)


def test_dropout_in_training_is_said_to_be_the_reason_for_saying_nothing():
    noisy = lambda xs: xs[-1].sum() + nn.functional.dropout(xs.detach(), 0.5).sum()
    found = gradlab.reach(noisy, XS)
    assert set(found.reasons[1:]) == {"unknown"}
    assert "two runs on the same inputs differ (dropout in training?)" in found.verdict


def test_the_model_and_the_random_numbers_are_left_as_they_were():
    model = nn.Sequential(made(nn.Linear, D, N), nn.BatchNorm1d(N), nn.Dropout(0.1))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    gradlab.reach(model, XS)
    assert torch.equal(torch.rand(1), expected)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert torch.get_default_dtype() == torch.float32


@pytest.mark.parametrize(
    ("fn", "xs", "said"),
    [
        (nn.Linear(2, 2), XS, "fn: fails: RuntimeError"),
        (lambda xs: xs.sum() > 0, XS, "fn: gives torch.bool; a gradient needs tensors"),
        (lambda xs: 3, XS, "fn: gives int; a gradient needs tensors"),
        (LSTM, XS.long(), "xs: is of int64, which has no gradient"),
        (LSTM, XS * float("inf"), "xs[0, 0]: is"),
    ],
)
def test_what_cannot_be_measured_is_one_line(fn, xs, said):
    with pytest.raises(GradlabError) as refused:
        gradlab.reach(fn, xs)
    assert str(refused.value).startswith(said)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_half_precision_is_measured_as_the_module_computes_it(name, tmp_path, monkeypatch):
    """What rounds to zero is named; a run of it is kept in its precision, by the digest of its weights."""
    monkeypatch.setattr("gradlab.plots._default.draw", lambda *_: None)
    module = made(nn.LSTM, D, N).to(getattr(torch, name))
    found = gradlab.reach(module, XS)
    assert found.precision == name
    wide = gradlab.reach(made(nn.LSTM, D, N).to(getattr(torch, name)).double(), XS)
    near = np.abs(found.norms.reach.values[:3] - wide.norms.reach.values[:3])
    assert near.max() < 0.1
    run = gradlab.Run.of(found)
    run.save(tmp_path / "mine")
    again = gradlab.load(tmp_path / "mine")
    assert (again.about["precision"], again.verdict) == (name, run.verdict)
    other = made(nn.LSTM, D, N).to(getattr(torch, name))
    assert gradlab.reach(other, XS).model == found.model
    with torch.no_grad():
        other.bias_hh_l0[0] += 1
    assert gradlab.reach(other, XS).model != found.model != wide.model


def test_a_tensor_of_bfloat16_has_the_digest_of_its_array():
    import jax.numpy as jnp

    values = [[1.0, -2.5], [3e38, 0.0]]
    tensor, array = torch.tensor(values, dtype=torch.bfloat16), jnp.array(values, jnp.bfloat16)
    assert digests.of_arrays(tensor) == digests.of_arrays(array) != digests.of_arrays(array.astype("float32"))
