"""A character model of torch, opened by `gradlab neurons`, is torch's: logits, gradients, cross entropy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.studies.neurons import given, training
from gradlab.studies.neurons.settings import Neurons
from tests.studies.neurons import hand_set
from tests.studies.neurons.given_models import weights

torch = pytest.importorskip("torch", reason="the extra `torch` is not installed")
save_file = pytest.importorskip("safetensors.numpy").save_file
ALPHABET = "abcdefg "
N, T, AT = 4, 40, 3
MAKERS = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "rnn": torch.nn.RNN}


def theirs(arch, numbers, embedding, nonlinearity):
    """Torch's layers with these numbers, as `(one-hot codes or codes) -> logits`."""
    more = {"nonlinearity": nonlinearity} if arch == "rnn" else {}
    rnn = MAKERS[arch](embedding or len(ALPHABET), N, dtype=torch.float64, **more)
    fc = torch.nn.Linear(N, len(ALPHABET), dtype=torch.float64)
    for name, part in (("rnn", rnn), ("fc", fc)):
        own = {key.removeprefix(f"{name}."): w for key, w in numbers.items() if key.startswith(f"{name}.")}
        part.load_state_dict({key: torch.tensor(w) for key, w in own.items()})
    table = torch.tensor(numbers["emb.weight"]) if embedding else torch.eye(len(ALPHABET)).double()
    return lambda onehot: fc(rnn(onehot @ table)[0])


@pytest.mark.parametrize(
    ("arch", "activation", "embedding", "kind"),
    [
        ("lstm", "", 0, "npz"),
        ("lstm", "", 3, "safetensors"),
        ("gru", "", 0, "pt"),
        ("gru", "", 3, "npz"),
        ("rnn", "relu", 0, "npz"),
        ("rnn", "tanh", 3, "pt"),
    ],
)
def test_logits_gradients_and_bits_are_those_of_torch(tmp_path, arch, activation, embedding, kind):
    numbers = weights(arch, len(ALPHABET), units=N, embedding=embedding)
    path = tmp_path / f"model.{kind}"
    if kind == "npz":
        np.savez(path, alphabet=np.array(list(ALPHABET)), **numbers)
    elif kind == "safetensors":
        save_file(numbers, path, metadata={"alphabet": ALPHABET})
    else:
        held = {name: torch.tensor(w) for name, w in numbers.items()}
        torch.save({"state_dict": held, "vocabulary": ALPHABET}, path)
    model = given.of(Neurons("a.txt", weights=str(path), arch=arch, activation=activation))
    assert model.alphabet == ALPHABET
    own = model.weights(jnp.float64)
    made = hand_set.setting(len(ALPHABET), N, model.spec)
    state = made.cell.init(jax.random.key(0), len(ALPHABET), N, 1.0, lambda key, n: jnp.zeros((n, n)))[1]
    codes = np.random.default_rng(1).integers(len(ALPHABET), size=T + 1)

    def logits(xs):
        def step(state, x):
            state = made.cell.step(own.cell, state, x)
            return state, own.w_out @ made.cell.readout(state) + own.b_out

        return jax.lax.scan(step, state, xs)[1]

    xs = np.eye(len(ALPHABET))[codes[:-1]]
    inputs = torch.tensor(xs, requires_grad=True)
    wanted = theirs(arch, numbers, embedding, activation or "tanh")(inputs)
    np.testing.assert_allclose(logits(xs), wanted.detach().numpy(), rtol=1e-9, atol=1e-12)
    wanted[-1, AT].backward(retain_graph=True)
    slopes = jax.grad(lambda xs: logits(xs)[-1, AT])(jnp.asarray(xs))
    np.testing.assert_allclose(slopes, inputs.grad.numpy(), rtol=1e-9, atol=1e-14)
    entropy = torch.nn.functional.cross_entropy(wanted, torch.tensor(codes[1:])).item() / np.log(2)
    states = jax.tree.map(lambda leaf: leaf[None], state)
    nats, _ = training.loss(made, own, states, jnp.asarray(codes[None]))
    np.testing.assert_allclose(float(nats) * training.BITS, entropy, rtol=1e-12)
