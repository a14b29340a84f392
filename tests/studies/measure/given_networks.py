"""A small network in a file of weights, a series, and functions that give networks."""

import numpy as np

N, D, ROWS = 3, 2, 40
COLUMNS = ("a", "b", "c")


def weights(seed=0):
    """An `nn.RNN` under the name `rnn`, and a linear layer `fc` above it, in float64."""
    rng = np.random.default_rng(seed)
    return {
        "rnn.weight_ih_l0": rng.normal(size=(N, D)) / 2,
        "rnn.weight_hh_l0": rng.normal(size=(N, N)) / 2,
        "rnn.bias_ih_l0": rng.normal(size=N) / 4,
        "rnn.bias_hh_l0": rng.normal(size=N) / 4,
        "fc.weight": rng.normal(size=(1, N)),
        "fc.bias": rng.normal(size=1),
    }


def series(rows=ROWS):
    """Two inputs and a target, to six digits, as the file has them."""
    t = np.arange(rows)
    return np.round(np.stack([np.sin(t / 3), np.cos(t / 5), np.sin((t + 1) / 3)], axis=1), 6)


def write(folder):
    """`w.npz` and `s.csv`."""
    np.savez(folder / "w.npz", **weights())
    lines = [",".join(COLUMNS), *(",".join(f"{value:.6f}" for value in row) for row in series())]
    text = "\n".join(lines) + "\n"
    # The two inputs alone: without --columns all of a series are inputs.
    (folder / "s.csv").write_text("\n".join(line.rpartition(",")[0] for line in text.splitlines()) + "\n")
    (folder / "all.csv").write_text(text)
