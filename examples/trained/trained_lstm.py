"""How far back does a trained LSTM learn? Weights of torch in a file, a public series, the training's loss.

It forecasts next year's sunspots (train_sunspots.py trained it). Torch itself is not needed here.
"""

from pathlib import Path

import jax.numpy as jnp
import numpy as np

import gradlab

HERE = Path(__file__).parent
weights = dict(np.load(HERE / "data/sunspots_lstm.npz"))
years, now, after = np.loadtxt(HERE / "data/sunspots.csv", delimiter=",", skiprows=1).T


def forecast(state):
    """The linear layer above the LSTM: sunspots of the next year."""
    return (weights["head.weight"] @ state.h + weights["head.bias"])[0]


def loss(forecast, truth):
    """Pseudo-Huber, in hundreds of sunspots, as in the training."""
    return jnp.sqrt(1 + ((forecast - truth) / 100) ** 2) - 1


norms = gradlab.measure(
    weights, now[:, None], arch="lstm", readout=forecast, loss=loss, targets=after[-1], objective="last"
)
print(gradlab.verdict(norms))

by_lag = 10 ** norms.weight_gradient.squeeze().values[:-1]  # |dL/dW_hh| of the use of W_hh in each year
for lag in (11, 22, 33):
    share = by_lag[lag] / by_lag[0]
    year = f"{years[-1 - lag]:.0f}, {lag} years before {years[-1]:.0f}"
    print(f"{years[-1] + 1:.0f} teaches W_hh of {year}: {share:.2%} of that year's")
