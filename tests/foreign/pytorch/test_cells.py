"""`gradlab.measure` of modules that make one step: torch's autograd, and beyond what float64 holds."""

import math

import numpy as np
import pytest

import gradlab
from gradlab.errors import GradlabError
from gradlab.states import BACKWARD_NONFINITE, BELOW_PRECISION, EXACT_ZERO, FORWARD_NONFINITE, OK

torch = pytest.importorskip("torch", reason="the extra `torch` is not installed")

autograd = pytest.importorskip("tests.foreign.pytorch.autograd")

T, D, N = 9, 3, 4


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def sequence(dtype=torch.float64, length=T):
    return torch.randn(length, D, dtype=dtype)


class Own(torch.nn.Module):
    """A user's cell: the state is a dict, and it returns an output beside it."""

    def __init__(self):
        super().__init__()
        self.weight_hh = torch.nn.Parameter(torch.randn(N, N, dtype=torch.float64) / 2)
        self.inward = torch.nn.Linear(D, N, dtype=torch.float64)

    def forward(self, x, state):
        fast = torch.tanh(self.inward(x) + self.weight_hh @ state["fast"])
        return fast.sum(), {"fast": fast, "slow": 0.9 * state["slow"] + 0.1 * fast}


class Leak(torch.nn.Module):
    """x and a share of h: its transport is a power of the share."""

    def __init__(self, share, after=lambda h: h):
        super().__init__()
        self.share = torch.nn.Parameter(torch.tensor(share))
        self.after = after

    def forward(self, x, h):
        return self.after(self.share * h + x)


def zeros(*names):
    return {name: torch.zeros(N, dtype=torch.float64) for name in names}


CELLS = {
    "rnn": (lambda: torch.nn.RNNCell(D, N, dtype=torch.float64), ["h"]),
    "lstm": (lambda: torch.nn.LSTMCell(D, N, dtype=torch.float64), ["h", "c"]),
    "gru": (lambda: torch.nn.GRUCell(D, N, dtype=torch.float64), ["h"]),
    "own": (Own, ["fast", "slow"]),
}


def stepped(module, names):
    """The module as a function of leaves, called as a user calls it."""
    own = isinstance(module, Own)

    def step(params, leaves, x):
        given = (
            dict(zip(names, leaves, strict=True)) if own else tuple(leaves) if len(names) > 1 else leaves[0]
        )
        after = torch.func.functional_call(module, params, (x, given))
        return [after[1][name] for name in names] if own else list(after) if len(names) > 1 else [after]

    return step


@pytest.mark.parametrize("objective", ["last", "every"])
@pytest.mark.parametrize("name", CELLS)
def test_it_is_torch_s_autograd(name, objective):
    make, names = CELLS[name]
    module, xs = make(), sequence()
    own = name == "own"
    state = zeros(*names) if own else None
    first = lambda state: state["fast"] if own else state[0] if len(names) > 1 else state
    found = gradlab.measure(module, xs, state, objective=objective, readout=first)
    known = autograd.backward(
        stepped(module, names),
        dict(module.named_parameters()),
        list(zeros(*names).values()),
        xs,
        lambda leaves: leaves[0],
        ["weight_hh"],
        every=objective == "every",
    )
    autograd.assert_measured(found, known)
    assert found.cell.item() == type(module).__name__.lower()
    assert found.part.values.tolist() == (["state", *names] if len(names) > 1 else ["state"])


def test_a_cell_is_its_layer():
    """Sent back by torch, and read into an equal step that JAX sends back."""
    layer = torch.nn.GRU(D, N, dtype=torch.float64)
    cell = torch.nn.GRUCell(D, N, dtype=torch.float64)
    cell.load_state_dict({name.removesuffix("_l0"): w for name, w in layer.state_dict().items()})
    xs = sequence()
    by_torch, by_jax = gradlab.measure(cell, xs), gradlab.measure(layer, xs)
    for name in ("adjoint", "transport", "transport_frobenius"):
        np.testing.assert_allclose(by_torch[name].squeeze(), by_jax[name].squeeze(), rtol=0, atol=1e-9)


@pytest.mark.parametrize("objective", ["unit", "last", "every"])
def test_a_cell_with_a_memory_is_its_layer_and_has_its_random_targets(objective):
    """h comes before c in both, so both draw the same cotangent or target."""
    layer = torch.nn.LSTM(D, N, dtype=torch.float64)
    cell = torch.nn.LSTMCell(D, N, dtype=torch.float64)
    cell.load_state_dict({name.removesuffix("_l0"): w for name, w in layer.state_dict().items()})
    xs = sequence()
    by_torch = gradlab.measure(cell, xs, objective=objective)
    by_jax = gradlab.measure(layer, xs, objective=objective, readout=lambda state: state)
    for name in ("adjoint", "transport_frobenius", "weight_gradient"):
        one, other = by_torch[name].squeeze(), by_jax[name].squeeze()
        np.testing.assert_array_equal(by_torch[f"{name}_state"].squeeze(), by_jax[f"{name}_state"].squeeze())
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-9)


def test_the_random_numbers_of_a_training_are_not_used_up():
    cell = DroppingOut().eval()
    before = torch.get_rng_state()
    gradlab.measure(cell, torch.zeros(3, 2), torch.zeros(2))
    assert torch.equal(torch.get_rng_state(), before)


class DroppingOut(torch.nn.Module):
    """It draws random numbers at every step, whether it uses them or not."""

    def forward(self, x, h):
        drawn = torch.rand(2)
        return torch.tanh(h + x + (drawn if self.training else 0))


def test_nothing_underflows_and_nothing_overflows():
    for share in (0.5, 2.0):
        found = gradlab.measure(Leak(share), torch.zeros(2000, 1), torch.zeros(1), w_rec=lambda p: p["share"])
        assert (found.transport_state == OK).all()
        known = np.arange(2001) * math.log10(share)
        np.testing.assert_allclose(found.transport.squeeze(), known, rtol=0, atol=1e-9)


def test_zero_by_definition_is_told_from_zero_by_rounding():
    cut = gradlab.measure(Leak(0.5, torch.relu), -torch.ones(4, 1), torch.ones(1)).squeeze()
    assert cut.transport_state.values.tolist() == [OK] + [EXACT_ZERO] * 4
    flat = gradlab.measure(Leak(0.5, torch.tanh), 100 * torch.ones(4, 1), torch.ones(1)).squeeze()
    assert flat.transport_state.values.tolist() == [OK] + [BELOW_PRECISION] * 4


def test_what_is_not_finite_is_named():
    burst = gradlab.measure(Leak(1e30), torch.ones(4, 1), torch.zeros(1)).squeeze()
    assert (burst.transport_state == FORWARD_NONFINITE).all()
    # sqrt has no derivative at 0, which the state is at step 2 alone.
    xs = torch.tensor([[1.0], [-0.5], [1.0], [1.0]])
    bad = gradlab.measure(Leak(0.5, lambda h: h.abs().sqrt()), xs, torch.zeros(1)).squeeze()
    assert bad.transport_state.values.tolist() == [OK, OK, OK, BACKWARD_NONFINITE, BACKWARD_NONFINITE]


def test_the_module_is_left_as_it_was():
    module = torch.nn.GRUCell(D, N)
    before = {name: w.clone() for name, w in module.state_dict().items()}
    gradlab.measure(module, sequence(torch.float32))
    assert all(torch.equal(w, before[name]) for name, w in module.state_dict().items())
    assert all(p.grad is None and p.requires_grad for p in module.parameters())


REFUSED = {
    "no state": (
        lambda: (torch.nn.Linear(D, N), sequence(torch.float32), None),
        "has no state that can be found",
    ),
    "not a step": (
        lambda: (torch.nn.Linear(D, N), sequence(torch.float32), torch.zeros(N)),
        "^module: fails: TypeError: ",
    ),
    "another state": (
        lambda: (torch.nn.GRUCell(D, N), sequence(torch.float32), torch.zeros(N + 1)),
        "^module: fails: RuntimeError: ",
    ),
    "mixed": (
        lambda: (torch.nn.GRUCell(D, N), sequence(), torch.zeros(N, dtype=torch.float64)),
        "^module: mixes float32 and float64; cast module and state to one",
    ),
    "dropout": (
        lambda: (Leak(0.5, torch.nn.Dropout(0.5)), torch.ones(9, 64), torch.zeros(64)),
        "^module: gives two states from one, as dropout does; call module.eval",
    ),
    "half": (
        lambda: (torch.nn.GRUCell(D, N, dtype=torch.bfloat16), sequence(), None),
        r"^module\.weight_ih: is of torch\.bfloat16; float32 or float64 is measured: cast it",
    ),
    "inputs": (
        lambda: (torch.nn.GRUCell(D, N), torch.full((T, D), torch.nan), None),
        r"^xs\[0, 0\]: is nan; ",
    ),
    "no inputs": (lambda: (torch.nn.GRUCell(D, N), None, None), "^xs: is not given; "),
    "shrinks": (
        lambda: (Leak(0.5, lambda h: h[:1]), torch.ones(T, 2), torch.zeros(2)),
        r"^module: returns float32\[1\]; a step returns the state \(state \(2,\)\)",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_it_refuses_in_one_line(case):
    make, said = REFUSED[case]
    module, xs, state = make()
    with pytest.raises(GradlabError, match=said) as caught:
        gradlab.measure(module, xs, state)
    assert "\n" not in str(caught.value)
    assert caught.value.code == 2


def test_weights_that_are_none_are_refused():
    with pytest.raises(
        GradlabError, match=r"^w_rec: picks what is no parameter of the module; it has weight_ih"
    ):
        gradlab.measure(torch.nn.GRUCell(D, N), sequence(torch.float32), w_rec=lambda p: torch.zeros(1))
    with pytest.raises(GradlabError, match=r"^probe: is for steps in JAX"):
        gradlab.measure(torch.nn.GRUCell(D, N), sequence(torch.float32), probe="lyapunov")
