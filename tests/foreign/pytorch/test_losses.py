"""An own loss and resets in `gradlab.measure` of torch's modules: torch's own backward pass in float64."""

import jax
import numpy as np
import pytest

import gradlab
from gradlab.errors import GradlabError
from gradlab.states import EXACT_ZERO, OK

torch = pytest.importorskip("torch", reason="the extra `torch` is not installed")

autograd = pytest.importorskip("tests.foreign.pytorch.autograd")

T, D, N = 7, 3, 4
CLASSES = np.array([0, 2, 1, 1, 0, 2, 0])
OUT = np.linspace(-1, 1, 3 * N).reshape(3, N)


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


@pytest.fixture
def xs():
    return torch.randn(T, D, dtype=torch.float64)


def logits(h):
    return torch.as_tensor(OUT) @ h


def in_torch(logits, label):
    return torch.nn.functional.cross_entropy(logits, label)


def in_jax(logits, label):
    return jax.nn.logsumexp(logits) - logits[label]


def of_cell(cell, xs, every):
    """Cross-entropy of the classes, sent back by torch through weights copied at every step."""
    step = lambda params, leaves, x: list(torch.func.functional_call(cell, params, (x, tuple(leaves))))
    zeros = [torch.zeros(N, dtype=torch.float64)] * 2
    terms = lambda leaves, t: in_torch(logits(leaves[0]), torch.tensor(CLASSES[t - 1]))
    params = dict(cell.named_parameters())
    return autograd.backward(step, params, zeros, xs, None, ["weight_hh"], every, terms)


@pytest.mark.parametrize("objective", ["last", "every"])
def test_of_a_module_that_makes_a_step_the_loss_is_torch_s(xs, objective):
    cell, every = torch.nn.LSTMCell(D, N, dtype=torch.float64), objective == "every"
    found = gradlab.measure(
        cell,
        xs,
        readout=lambda state: logits(state[0]),
        loss=in_torch,
        targets=torch.tensor(CLASSES) if every else torch.tensor(CLASSES[-1]),
        objective=objective,
    )
    autograd.assert_measured(found, of_cell(cell, xs, every))
    assert found.attrs["objective"] == f"own loss, {objective}"


@pytest.mark.parametrize("objective", ["last", "every"])
def test_of_a_layer_the_loss_is_jax_s(xs, objective):
    layer, cell = torch.nn.LSTM(D, N, dtype=torch.float64), torch.nn.LSTMCell(D, N, dtype=torch.float64)
    cell.load_state_dict({name.removesuffix("_l0"): w for name, w in layer.state_dict().items()})
    every = objective == "every"
    found = gradlab.measure(
        layer,
        xs,
        readout=lambda state: OUT @ state.h,
        loss=in_jax,
        targets=CLASSES if every else CLASSES[-1],
        objective=objective,
    )
    known = of_cell(cell, xs, every)
    known = known._replace(gradient={f"{name}_l0": value for name, value in known.gradient.items()})
    autograd.assert_measured(found, known, bound=1e-12)


def test_beyond_a_reset_of_a_layer_the_gradient_is_zero_by_definition(xs):
    found = gradlab.measure(torch.nn.GRU(D, N, dtype=torch.float64), xs, resets=np.arange(T) == 3).squeeze()
    assert found.transport_state.values.tolist() == [OK] * 4 + [EXACT_ZERO] * 4


REFUSED = {
    "a function as objective": ({"objective": in_torch}, "^objective: is a function; pass it as loss"),
    "two numbers": (
        {"loss": lambda h, y: h, "targets": 0},
        r"^loss: returns float64\[4\]; it must return one real number",
    ),
    "fails": ({"loss": lambda h: h.sum()}, "^loss: fails on one readout and its target: TypeError"),
    "too few": (
        {"loss": in_torch, "targets": torch.tensor(CLASSES[:3]), "objective": "every"},
        "^targets: has 3 entries; a loss at every step takes one for each of the 7 steps",
    ),
    "one for all": (
        {"loss": in_torch, "targets": 1, "objective": "every"},
        "^targets: is a single number; a loss at every step takes one for each of the 7 steps",
    ),
    "not finite": ({"loss": in_torch, "targets": torch.tensor(torch.nan)}, "^targets: is nan; "),
    "resets": ({"resets": [False] * T}, "^resets: is for steps in JAX"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_measured_of_a_cell_is_told_in_a_line(xs, case):
    given, said = REFUSED[case]
    with pytest.raises(GradlabError, match=said) as caught:
        gradlab.measure(torch.nn.GRUCell(D, N, dtype=torch.float64), xs, **given)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("given", [{"loss": in_jax, "targets": 1}, {"resets": [False] * T}])
def test_in_both_directions_there_is_no_loss_of_one(xs, given):
    with pytest.raises(GradlabError, match="is for one direction; in both, each layer and direction"):
        gradlab.measure(torch.nn.GRU(D, N, bidirectional=True, dtype=torch.float64), xs, **given)
