"""The looks at a training as a run, in a folder that holds a whole one at every moment."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gradlab import digests, specs
from gradlab.errors import GradlabError
from gradlab.monitoring.looks import Look
from gradlab.runs import contents, store
from gradlab.states import BACKWARD_NONFINITE, FORWARD_NONFINITE
from gradlab.studies.measure import collect
from gradlab.studies.measure.settings import PYTHON, Measure
from gradlab.studies.sweep import results
from gradlab.studies.sweep.results import Run
from gradlab.studies.sweep.updates import UPDATE, at_update

MOST = 200
"""Looks that are kept; beyond, every second of those without a failure goes."""


def require_free(folder: Path, force: bool) -> None:
    """See before the training that the folder takes a run.

    Raises:
      GradlabError: if it holds a run already or anything else (exit 2), cannot be written (5) or is in
        use (6).
    """
    with store.opened(folder):
        if force:
            store.start_over(folder)
        elif (folder / "run.json").exists():
            raise GradlabError(
                "folder", f"{folder} holds a run already; choose another, or force=True replaces it"
            )
        store.existing(folder, {})


def thinned(looks: Sequence[Look]) -> list[Look]:
    """At most `MOST` looks, or half: first, last and those with a pass that is not finite stay."""
    if len(looks) <= MOST:
        return list(looks)
    last = len(looks) - 1
    return [look for i, look in enumerate(looks) if i % 2 == 0 or i == last or _failed(look)]


def _failed(look: Look) -> bool:
    states = look.norms["transport_frobenius_state"].values
    return bool(np.isin(states, (FORWARD_NONFINITE, BACKWARD_NONFINITE)).any())


def run(looks: Sequence[Look], said: Sequence[str], seed: int) -> Run:
    """The run of a training: a row of the axis `cell` for each cell at each update looked at."""
    import xarray

    placed: list[xarray.Dataset] = []
    weights: dict[str, dict[str, str]] = {}
    for look in looks:
        names = [at_update(cell, look.update) for cell in look.norms["cell"].values]
        own = {"cell": np.array(names, object), UPDATE: ("cell", np.full(len(names), look.update, np.int64))}
        placed.append(look.norms.assign_coords(own))
        model = str(look.norms.attrs["model"])
        weights |= {name: {f"given/{i}": model for i in range(look.norms.sizes["seed"])} for name in names}
    norms = placed[0]
    if len(placed) > 1:
        norms = xarray.concat(placed, "cell", combine_attrs="override", join="exact")
    for name in [name for name in norms.attrs if name.startswith("rounded")]:
        del norms.attrs[name]
    digest = str(looks[-1].norms.attrs["model"])
    settings = specs.stored(Measure(PYTHON, "-")) | {
        "command": "measure",
        "model_digest": digest,
        "data": "",
        "data_digest": digests.of_text(repr([str(look.norms.attrs.get("sequence")) for look in looks])),
        "T": int(norms["T"].item()),
        "windows": norms.sizes["seed"],
        "seed": seed,
        "objective": str(norms.attrs["objective"]).rpartition(" ")[2],
    }
    code = {digests.SOURCE: digests.source()} | digests.here()
    told = {"said": list(said), "weights": weights, "code": dict.fromkeys(weights, code)}
    return collect.of(norms, settings, told)


def write(folder: Path, made: Run) -> None:
    """Put a run in the place of the former; whoever is killed meanwhile leaves one of the two, whole."""
    with store.opened(folder):
        contents.rewrite(folder, made.about, results.files(made))
