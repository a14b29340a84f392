"""How many characters back does a text model learn? A flax GRU on the documentation that Python carries."""

import pydoc_data.topics

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

import gradlab

N, T, BATCH, UPDATES = 64, 100, 32, 300
text = "\n".join(pydoc_data.topics.topics.values()).lower()
letters = sorted(set(text))
codes = np.array([letters.index(letter) for letter in text[:200_000]])


class Model(nnx.Module):
    """Guesses the next character."""

    def __init__(self, rngs):
        self.gru = nnx.GRUCell(len(letters), N, rngs=rngs)
        self.head = nnx.Linear(N, len(letters), rngs=rngs)


def step(params, h, code):
    """The next state of the GRU."""
    return nnx.merge(graph, params).gru(h, jax.nn.one_hot(code, len(letters)))[0]


def guess(params, h):
    """Logits of the next character."""
    return nnx.merge(graph, params).head(h)


graph, params = nnx.split(Model(nnx.Rngs(0)))
loss = optax.softmax_cross_entropy_with_integer_labels


def mean_loss(params, passages):
    """Over all characters of some passages (BATCH, T + 1)."""

    def one(passage):
        _, hs = jax.lax.scan(lambda h, x: (step(params, h, x),) * 2, jnp.zeros(N), passage[:-1])
        return loss(jax.vmap(lambda h: guess(params, h))(hs), passage[1:]).mean()

    return jax.vmap(one)(passages).mean()


adam = optax.adam(0.01)


@jax.jit
def update(params, moments, passages):
    """One step of Adam."""
    found, slopes = jax.value_and_grad(mean_loss)(params, passages)
    changes, moments = adam.update(slopes, moments)
    return optax.apply_updates(params, changes), moments, found


moments, rng = adam.init(params), np.random.default_rng(0)
for _ in range(UPDATES):
    starts = rng.integers(len(codes) - T - 1, size=BATCH)
    params, moments, found = update(params, moments, np.stack([codes[s : s + T + 1] for s in starts]))
print(f"{found / np.log(2):.2f} bits a character after {UPDATES} updates")

passage = codes[-T - 1 :]
norms = gradlab.measure(
    step,
    params,
    jnp.zeros(N),
    passage[:-1],
    readout=lambda h: guess(params, h),
    loss=loss,
    targets=passage[-1],
    w_rec=lambda params: params["gru"]["dense_h"]["kernel"],
)
print(gradlab.verdict(norms))
