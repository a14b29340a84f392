"""A training that is watched, whose looks and figures are made up: nothing is compiled or measured."""

import re

import numpy as np
import pandas as pd

import gradlab
from gradlab.monitoring import looks
from gradlab.monitoring.looks import Look
from gradlab.plots import _default
from tests import made_runs
from tests.logs import told

T = 20


def made_look(call, sequences, how):
    """What a look finds, another at each update."""
    made = made_runs.run(cells=("mine",), w_rec=(1.0,), T=(T,), seeds=1, seed=call.update)
    given = {"networks": "given", "objective": "mine on mine unit", "model": "1" * 32}
    del made.norms.attrs["hidden"]
    return Look(call.update, made.norms.assign_attrs(given).assign_coords(init=["given"]))


def monitor(monkeypatch, folder, log="tensorboard", **settings):
    """A monitor that looks at every call."""
    monkeypatch.setattr(looks, "look", made_look)
    monkeypatch.setattr(_default, "draw", lambda run, folder: told.draw(folder, "over_training"))
    return gradlab.Monitor(folder, log=log, **{"every": 1, "sequences": 1, "share": 1} | settings)


def mine(w, h, x):
    raise AssertionError("no look measures anything")


def train(monitor, updates):
    """Calls with these updates."""
    for update in updates:
        monitor(mine, np.ones(1), np.zeros(1), np.ones((1, T, 1)), update=update)


def by_hand(folder):
    """Rates by series and update, as pandas reads them off the file of the run."""
    table = pd.read_csv(folder / "metrics.csv")
    rate = table[(table["metric"] == "rate") & (table["part"] == "state")]
    found = {}
    for row in rate.itertuples():
        name, update = re.fullmatch(r"(.*) at update (\d+)", row.cell).groups()
        found[f"rate/{name} {row.init}", int(update)] = row.value
    return found
