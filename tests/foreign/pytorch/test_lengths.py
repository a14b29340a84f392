"""`gradlab.measure` of torch's layers on sequences of different lengths: each one measured by itself."""

import numpy as np
import pytest

import gradlab
from gradlab.errors import GradlabError
from gradlab.states import OK

torch = pytest.importorskip("torch", reason="the extra `torch` is not installed")

LENGTHS, T, D, N = (2, 4), 4, 2, 3


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def padded():
    xs = torch.randn(len(LENGTHS), T, D, dtype=torch.float64)
    return torch.where(torch.arange(T)[:, None] < torch.tensor(LENGTHS)[:, None, None], xs, torch.nan)


def assert_mean(found, each):
    """Of each layer and direction, lag by lag, over the sequences that have it."""
    assert found.cell.values.tolist() == each[0].cell.values.tolist()
    for name in ("adjoint", "transport", "transport_frobenius", "weight_gradient"):
        for lag in range(T + 1):
            some = [one[name].sel(lag=lag).values for one in each if lag < one.sizes["lag"]]
            code = [one[f"{name}_state"].sel(lag=lag).values for one in each if lag < one.sizes["lag"]]
            known = np.stack(code) == OK
            mean = np.where(known, np.stack(some), 0).sum(0) / np.maximum(known.sum(0), 1)
            want = np.where(known.any(0), mean, np.nan)
            np.testing.assert_allclose(found[name].sel(lag=lag).values, want, rtol=0, atol=1e-12)


def test_both_directions_of_padded_and_of_packed_sequences():
    module, xs = torch.nn.GRU(D, N, bidirectional=True, dtype=torch.float64), padded()
    found = gradlab.measure(module, xs, lengths=LENGTHS, objective="last")
    assert_mean(found, [gradlab.measure(module, xs[i, :n], objective="last") for i, n in enumerate(LENGTHS)])
    assert found["sequences"].sel(cell="gru.l0_reverse").squeeze().values.tolist() == [2, 2, 2, 1, 1]
    packed = torch.nn.utils.rnn.pack_padded_sequence(xs, LENGTHS, batch_first=True, enforce_sorted=False)
    assert gradlab.measure(module, packed, objective="last").identical(found)
    with pytest.raises(GradlabError, match="lengths: is given beside a PackedSequence"):
        gradlab.measure(module, packed, lengths=LENGTHS)


def test_the_mean_gradient_is_torch_s():
    module, xs = torch.nn.LSTM(D, N, 2, dtype=torch.float64), padded()
    targets = torch.randn(len(LENGTHS), N, dtype=torch.float64)
    half = lambda read, target: ((read - target) ** 2).sum() / 2
    found = gradlab.measure(module, xs, lengths=LENGTHS, loss=half, targets=targets.numpy())
    losses = [half(module(xs[i, :n])[0][-1], targets[i]) for i, n in enumerate(LENGTHS)]
    torch.stack(losses).mean().backward()
    for name, weight in module.named_parameters():
        norm = found["gradient_of_mean"].sel(leaf=name).item()
        assert norm == pytest.approx(np.log10(weight.grad.norm().item()), abs=1e-12)


@pytest.mark.parametrize(
    ("module", "changed", "message"),
    [
        (torch.nn.GRU(D, N), {"lengths": (2, 5)}, r"lengths\[1\]: is 5; a whole number from 1 to 4"),
        (torch.nn.GRU(5, N), {}, r"xs: has shape \(2, 4, 2\); of a batch for this gru it is \(B, T, 5\)"),
        (torch.nn.GRUCell(D, N), {"lengths": (2, 5)}, r"lengths\[1\]: is 5; a whole number from 1 to 4"),
        (
            torch.nn.GRUCell(D, N),
            {"loss": lambda read, target: read.sum() * target, "targets": torch.ones(3)},
            r"targets: has shape \(3,\); of these sequences it is \(2, ...\)",
        ),
    ],
)
def test_what_does_not_fit_is_refused(module, changed, message):
    with pytest.raises(GradlabError, match=message):
        gradlab.measure(module, padded(), **{"lengths": LENGTHS} | changed)


PAIRS = {
    "lstm": (torch.nn.LSTMCell, torch.nn.LSTM),
    "gru": (torch.nn.GRUCell, torch.nn.GRU),
    "rnn": (torch.nn.RNNCell, torch.nn.RNN),
}


@pytest.mark.parametrize("arch", list(PAIRS))
def test_a_cell_of_torch_is_measured_as_its_layer_is(arch):
    """Torch's own products, sequence by sequence, against JAX's of the equal layer in one program."""
    cell, layer = (made(D, N, dtype=torch.float64) for made in PAIRS[arch])
    for name, weight in cell.named_parameters():
        getattr(layer, f"{name}_l0").data = weight.data
    asked = {"lengths": LENGTHS, "objective": "last", "seed": 3}
    if arch == "lstm":
        asked["readout"] = lambda state: state[0] if isinstance(state, tuple) else state.h
    xs = padded()
    found, theirs = (gradlab.measure(module, xs, **asked) for module in (cell, layer))
    names = [name.removesuffix("_l0") for name in theirs.leaf.values.tolist()]
    found = found.sel(leaf=names)
    for name in theirs.data_vars:
        # The signs of a projection and the roundings of a shift are drawn by the names of the weights.
        if "projection" in name or name.startswith("state_shift"):
            continue
        np.testing.assert_allclose(found[name].values, theirs[name].values, rtol=0, atol=1e-12, err_msg=name)


def test_each_sequence_of_a_module_of_one_s_own_is_as_alone():
    class Leaky(torch.nn.Module):
        hidden_size = N

        def __init__(self):
            super().__init__()
            self.weight_hh = torch.nn.Parameter(torch.randn(N, N, dtype=torch.float64))
            self.weight_ih = torch.nn.Parameter(torch.randn(N, D, dtype=torch.float64))

        def forward(self, x, h):
            return 0.5 * h + torch.tanh(self.weight_hh @ h + self.weight_ih @ x)

    module, xs = Leaky(), padded()
    targets = torch.randn(len(LENGTHS), T, N, dtype=torch.float64)
    half = lambda read, target: ((read - target) ** 2).sum() / 2
    asked = {"loss": half, "objective": "every"}
    found = gradlab.measure(module, xs, lengths=LENGTHS, targets=targets, **asked)
    assert_mean(
        found,
        [gradlab.measure(module, xs[i, :n], targets=targets[i, :n], **asked) for i, n in enumerate(LENGTHS)],
    )
    assert found["sequences"].squeeze().values.tolist() == [2, 2, 2, 1, 1]
    loss = 0
    for i, n in enumerate(LENGTHS):
        h = torch.zeros(N, dtype=torch.float64)
        for t in range(n):
            h = module(xs[i, t], h)
            loss = loss + half(h, targets[i, t]) / len(LENGTHS)
    loss.backward()
    for name, weight in module.named_parameters():
        norm = found["gradient_of_mean"].sel(leaf=name).item()
        assert norm == pytest.approx(np.log10(weight.grad.norm().item()), abs=1e-12)
    with pytest.raises(GradlabError, match="xs: has shape"):
        gradlab.measure(module, xs[0, :, 0], lengths=LENGTHS)
