"""Which rows of a digit teach a GRU? scikit-learn's digits, eight rows of eight pixels, read from the top."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from sklearn.datasets import load_digits

import gradlab

N, UPDATES, SHOWN = 32, 200, 10
pixels, labels = load_digits(return_X_y=True)
images, labels = jnp.asarray(pixels.reshape(-1, 8, 8) / 16, jnp.float32), jnp.asarray(labels)
train, held_out = slice(0, 1500), slice(1500, None)
keys = jax.random.split(jax.random.key(0), 2)
net = {"cell": eqx.nn.GRUCell(8, N, key=keys[0]), "head": eqx.nn.Linear(N, 10, key=keys[1])}


def gru(cell, h, row):
    """Equinox takes the input first."""
    return cell(row, h)


def logits(net, image):
    """The head reads the state after the last row."""
    h, _ = jax.lax.scan(lambda h, row: (gru(net["cell"], h, row), None), jnp.zeros(N), image)
    return net["head"](h)


def loss(logits, label):
    """Cross-entropy."""
    return optax.softmax_cross_entropy_with_integer_labels(logits, label)


def mean_loss(net):
    """Over all digits of the training."""
    return loss(jax.vmap(logits, (None, 0))(net, images[train]), labels[train]).mean()


adam = optax.adam(0.01)


@jax.jit
def update(net, moments):
    """One step of Adam."""
    changes, moments = adam.update(jax.grad(mean_loss)(net), moments)
    return optax.apply_updates(net, changes), moments


moments = adam.init(net)
for _ in range(UPDATES):
    net, moments = update(net, moments)
right = jax.vmap(logits, (None, 0))(net, images[held_out]).argmax(1) == labels[held_out]
print(f"{right.mean():.1%} of {len(right)} digits that it has not seen are read rightly")

run = gradlab.Run.of(
    *[
        gradlab.measure(gru, net["cell"], jnp.zeros(N), image, readout=net["head"], loss=loss, targets=label)
        for image, label in zip(images[held_out][:SHOWN], labels[held_out][:SHOWN], strict=True)
    ]
)
print(run.verdict)
adjoint = run.norms.adjoint.sel(part="state").squeeze().values[:, :8]  # log10 |dL/dh| by digit and lag
for row, size in zip(range(8, 0, -1), np.median(adjoint, axis=0), strict=True):
    print(f"after row {row}: 10^{size:.1f}")
