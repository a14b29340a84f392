"""`gradlab.measure` of torch's `nn.RNN`, `LSTM` and `GRU`: equal to torch's autograd in float64."""

import numpy as np
import pytest

import gradlab
from gradlab.errors import GradlabError
from gradlab.foreign.pytorch import files, layers

torch = pytest.importorskip("torch", reason="the extra `torch` is not installed")

autograd = pytest.importorskip("tests.foreign.pytorch.autograd")

T, D, N = 9, 3, 4


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def sequence(dtype=torch.float64):
    return torch.randn(T, D, dtype=dtype)


def one_by_one(module, xs, every=False, start=None):
    """The module called with one input after the other: its own equations, and nothing of ours."""
    lstm, size = isinstance(module, torch.nn.LSTM), module.proj_size or module.hidden_size
    state = [torch.zeros(module.num_layers, size, dtype=torch.float64)]
    state += [torch.zeros(module.num_layers, module.hidden_size, dtype=torch.float64)] * lstm

    def step(params, leaves, x):
        given = tuple(leaves) if lstm else leaves[0]
        after = torch.func.functional_call(module, params, (x[None], given))[1]
        return list(after) if lstm else [after]

    params = dict(module.named_parameters())
    hh = [name for name in params if "weight_hh" in name]
    return autograd.backward(step, params, start or state, xs, lambda leaves: leaves[0][-1], hh, every)


MODULES = {
    "rnn": lambda: torch.nn.RNN(D, N, dtype=torch.float64),
    "lstm": lambda: torch.nn.LSTM(D, N, dtype=torch.float64),
    "gru": lambda: torch.nn.GRU(D, N, dtype=torch.float64),
    "lstm of two layers, projected": lambda: torch.nn.LSTM(D, N, 2, proj_size=3, dtype=torch.float64),
}


@pytest.mark.parametrize("name", MODULES)
def test_it_is_torch_s_autograd(name):
    module, xs = MODULES[name](), sequence()
    found = gradlab.measure(module, xs, objective="last")
    autograd.assert_measured(found, one_by_one(module, xs))
    assert found.attrs["checked"] == "its outputs equal torch's"
    assert found.attrs["precision"] == "float64"


def test_a_loss_at_every_step():
    module, xs = MODULES["rnn"](), sequence()
    found = gradlab.measure(module, xs, objective="every")
    autograd.assert_measured(found, one_by_one(module, xs, every=True))


def test_both_directions_have_their_own_lag():
    """Lag runs along each direction: from the last step back, and from the first step on."""
    module, xs = torch.nn.GRU(D, N, bidirectional=True, dtype=torch.float64), sequence()
    found = gradlab.measure(module, xs, objective="last")
    assert found.cell.values.tolist() == ["gru.l0", "gru.l0_reverse"]
    for row, end in enumerate(("", "_reverse")):
        ends = {f"{kind}_l0{end}": kind for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}

        def step(params, leaves, x, row=row, ends=ends):
            own = {name: params[short] for name, short in ends.items()}
            both = torch.stack([leaves[0]] * 2)
            return [torch.func.functional_call(module, own, (x[None], both))[1][row]]

        params = {short: getattr(module, name) for name, short in ends.items()}
        start = [torch.zeros(N, dtype=torch.float64)]
        order = xs.flip(0) if end else xs
        known = autograd.backward(step, params, start, order, lambda leaves: leaves[0], ["weight_hh"])
        autograd.assert_measured(found, known, cell=row)
        # The states that were sent through are those of the module over its whole sequence.
        h = start[0]
        with torch.no_grad():
            for x in order:
                h = step(params, [h], x)[0]
            torch.testing.assert_close(h, module(xs)[1][row], rtol=0, atol=1e-14)


def test_two_steps_in_jax_are_both_directions_of_torch():
    jnp = pytest.importorskip("jax.numpy")
    module, xs = torch.nn.RNN(D, N, 2, bidirectional=True, dtype=torch.float64), sequence()
    theirs = gradlab.measure(module, xs)

    def rnn(p, h, x):
        return jnp.tanh(p[0] @ x + p[1] + p[2] @ h + p[3])

    kinds = ("weight_ih", "bias_ih", "weight_hh", "bias_hh")
    leaf = lambda name: jnp.asarray(getattr(module, name).detach().numpy())
    ends = [tuple([leaf(f"{kind}_l{k}{end}") for kind in kinds] for end in ("", "_reverse")) for k in (0, 1)]
    start = [(jnp.zeros(N), jnp.zeros(N))] * 2
    both = gradlab.Bidirectional(rnn, layers=2)
    ours = gradlab.measure(both, ends, start, jnp.asarray(xs.numpy()), w_rec=lambda p: p[2])
    assert ours.cell.values.tolist() == theirs.cell.values.tolist()
    for name in ("adjoint", "transport", "transport_frobenius", "weight_gradient"):
        np.testing.assert_allclose(ours[name].values, theirs[name].values, rtol=0, atol=1e-12)


def test_weights_from_each_kind_of_file_are_the_module_s(tmp_path):
    module = MODULES["gru"]()
    weights = module.state_dict()
    torch.save(weights, tmp_path / "w.pt")
    torch.save({"model": {f"encoder.{name}": w for name, w in weights.items()}}, tmp_path / "nested.pt")
    np.savez(tmp_path / "w.npz", **{name: w.numpy() for name, w in weights.items()})
    pytest.importorskip("safetensors.torch").save_file(weights, tmp_path / "w.safetensors")
    for name in ("w.pt", "nested.pt", "w.npz", "w.safetensors"):
        read = layers.of_weights(name, files.read(tmp_path / name), "gru", None)
        assert list(read.weights) == list(weights)
        for weight, value in weights.items():
            np.testing.assert_array_equal(read.weights[weight], value)


def test_weights_and_a_state_are_enough():
    """Of a `state_dict` alone, from the state that a part of the sequence has led to."""
    module, xs = MODULES["lstm"](), sequence()
    with torch.no_grad():
        _, halfway = module(xs[:4])
    found = gradlab.measure(module.state_dict(), xs[4:], halfway, arch="lstm", objective="last")
    autograd.assert_measured(found, one_by_one(module, xs[4:], start=[leaf.detach() for leaf in halfway]))
    assert found.attrs["checked"] == "its outputs equal torch's"


def test_a_module_with_a_forward_of_its_own_is_refused():
    class Odd(torch.nn.GRU):
        def forward(self, x, state=None):
            outs, last = super().forward(x, state)
            return 2 * outs, last

    with pytest.raises(GradlabError, match="gives other outputs than torch's gru with its weights"):
        gradlab.measure(Odd(D, N), sequence(torch.float32))


def test_it_refuses_what_drops_out():
    module = torch.nn.LSTM(D, N, 2, dropout=0.3)
    with pytest.raises(GradlabError, match=r"LSTM drops out 0\.3 while it trains; call module\.eval\(\)"):
        gradlab.measure(module, sequence(torch.float32))


def test_it_refuses_a_weight_that_is_not_finite_by_its_place():
    module = torch.nn.GRU(D, N)
    with torch.no_grad():
        module.weight_hh_l0[1, 2] = torch.nan
    with pytest.raises(GradlabError, match=r"^module\.weight_hh_l0\[1, 2\]: is nan; "):
        gradlab.measure(module, sequence(torch.float32))


def test_it_refuses_a_pickle(tmp_path):
    torch.save(torch.nn.GRU(D, N), tmp_path / "w.pt")
    with pytest.raises(GradlabError, match="is not weights alone, and nothing else is unpickled"):
        gradlab.measure(tmp_path / "w.pt", sequence(), arch="gru")
