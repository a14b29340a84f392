"""A training of PyTorch is watched, and is the training that it would have been."""

import warnings

import numpy as np
import pytest

import gradlab
from gradlab.monitoring import looks
from gradlab.monitoring.looks import Call, How
from gradlab.studies.sweep import single
from tests.tiers import few

torch = pytest.importorskip("torch", reason="the extra `torch` is not installed")

B, T, BROKEN, SEQUENCE = 3, 20, 17, 2


def trained(module, forward, updates, monitor=None, fault=None):
    """Descent on the last output; the parameters after it."""
    torch.manual_seed(1)
    descent = torch.optim.SGD(module.parameters(), lr=0.05)
    for update in range(updates):
        xs = torch.randn(B, T, 2)
        xs[..., 1] = 0
        if update == fault:
            xs[SEQUENCE, BROKEN - 1, 1] = 1
        descent.zero_grad()
        (forward(xs) ** 2).sum().backward()
        if monitor is not None:
            monitor(module, xs)
        torch.nn.utils.clip_grad_norm_(module.parameters(), 0.1)
        descent.step()
    return [p.detach().clone() for p in module.parameters()]


def test_a_layer_is_watched_and_its_training_is_not_touched(tmp_path):
    def made():
        torch.manual_seed(0)
        layer = torch.nn.LSTM(2, 3, batch_first=True)
        return layer, lambda xs: layer(xs)[0][:, -1]

    plain = trained(*made(), updates=3)
    monitor = gradlab.Monitor(tmp_path / "mine", every=2, sequences=1, share=1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        watched = trained(*made(), updates=3, monitor=monitor)
    for one, other in zip(plain, watched, strict=True):
        assert torch.equal(one, other)
    norms = gradlab.load(tmp_path / "mine").norms
    assert norms["update"].values.tolist() == [0, 2]
    torch.manual_seed(0)
    layer = torch.nn.LSTM(2, 3)
    torch.manual_seed(1)
    xs = torch.randn(B, T, 2)
    xs[..., 1] = 0
    i = int(np.random.default_rng([0, 0]).permutation(B)[0])
    own = gradlab.measure(layer, xs[i])
    np.testing.assert_array_equal(norms.transport.values[0].ravel(), own.transport.values.ravel())


class Rooted(torch.nn.Module):
    """A step whose derivative is 0 times infinity where its second input is 1."""

    hidden_size = 2

    def __init__(self):
        super().__init__()
        self.weight_hh = torch.nn.Parameter(0.5 * torch.eye(2))

    def forward(self, x, h):
        root = torch.sqrt(torch.where(x[..., 1:] > 0, 0 * h, h**2 + 1))
        return torch.tanh(h @ self.weight_hh + x[..., :1]) + 0 * root


def test_a_nan_in_the_gradients_of_a_module_is_found_and_named(tmp_path):
    module = Rooted()

    def forward(xs):
        h = torch.zeros(B, 2)
        for t in range(T):
            h = module(xs[:, t], h)
        return h

    monitor = gradlab.Monitor(tmp_path / "mine", every=100, sequences=1, share=1.0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        trained(module, forward, 3, monitor, fault=1)
    assert [str(one.message) for one in caught] == [
        f"update 1 has grads['weight_hh'] not finite; batch[{SEQUENCE}] of {B} sequences: the forward pass "
        f"is finite; going back, the derivative of step {BROKEN} is not"
    ]
    assert monitor.run.norms["update"].values.tolist() == [0, 1]


@pytest.mark.parametrize("bidirectional", few([False, True], [True]))
def test_a_layer_is_traced_as_often_for_all_sequences_as_for_one(bidirectional, monkeypatch):
    made = []
    plain = single._compiled
    monkeypatch.setattr(single, "_compiled", lambda *given: made.append(given) or plain(*given))
    torch.manual_seed(0)
    layer, xs = torch.nn.GRU(2, 3, bidirectional=bidirectional), torch.randn(B, T, 2)
    for many in (1, B):
        made.clear()
        found = looks.look(Call(0, layer, None, None, xs, (), None), range(many), How()).norms
        assert len(made) == 1 + bidirectional
    for i in range(B):
        own = gradlab.measure(layer, xs[i])
        for name in ("adjoint", "transport", "transport_frobenius", "weight_gradient"):
            np.testing.assert_array_equal(found[name].isel(seed=[i]).values, own[name].values)
