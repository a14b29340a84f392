"""Runs to tell a tracker of, and what their own files say that it should hold."""

import jax.numpy as jnp
import pandas as pd

from gradlab.logs import in_tensorboard, keep
from gradlab.studies.remedies import results as trainings
from gradlab.studies.sweep import results
from tests import made_runs, trials
from tests.monitoring.trainings import N

WEIGHTS = 0.9 * jnp.eye(N)


def swept(folder):
    """A sweep of two cells, with figures that are no more than a header."""
    made = made_runs.run()
    results.write(folder, made)
    draw(folder, "profile")
    return made


def draw(folder, name):
    """A figure of 3 x 2 that is no more than a header."""
    (folder / "figures").mkdir(exist_ok=True)
    png = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + (3).to_bytes(4, "big") + (2).to_bytes(4, "big")
    (folder / "figures" / f"{name}.png").write_bytes(png)


def trained(folder):
    made = trials.made_up()
    trainings.write(folder, made)
    return made


def by_hand(folder):
    """Numbers by series and step, as pandas reads them off the CSV files of a run."""
    if not (folder / "training.csv").exists():
        table = pd.read_csv(folder / "metrics.csv")
        rate = table[(table["metric"] == "rate") & (table["part"] == "state")]
        means = rate.groupby(["cell", "init", "w_rec", "T"])["value"].mean().dropna()
        return {(f"rate/{c} {i} w_rec={w:g}", T): mean for (c, i, w, T), mean in means.items()}
    found = {}
    for row in pd.read_csv(folder / "training.csv").itertuples():
        label = f"{row.arm} T={row.T} w_rec={row.w_rec:g} seed={row.seed}"
        log = "log10_" if row.metric in ("gradient_norm", "largest_norm", "used_norm") else ""
        found[f"training {log}{row.metric}/{label}", row.update] = row.value
    return found


def on_a_full_disk(monkeypatch, writing, log, run, folder):
    """What is said where the file of a tracker, `writing`, cannot be filled."""

    def fails(*_):
        raise OSError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(writing.Writer, "add", fails)
        return keep.keep(log, run, folder)


def hear(monkeypatch):
    """A list that gets what TensorBoard is told; its package need not be installed."""
    heard = []

    def write(entries, logs):
        heard.append(entries)
        return keep.Logged(f"tensorboard --logdir {logs}", new=True)

    monkeypatch.setattr(keep, "require", lambda *_: None)
    monkeypatch.setattr(in_tensorboard, "write", write)
    return heard
