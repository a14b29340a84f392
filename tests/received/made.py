"""Run folders as they may come from elsewhere: well-formed, their digests sealed anew after a change."""

import hashlib
import json

import numpy as np
import pandas as pd

from gradlab import specs
from gradlab.reaching.result import Reach
from gradlab.states import OK, REASONS
from gradlab.studies.measure import collect
from gradlab.studies.measure import reached as reached_
from gradlab.studies.measure.settings import Measure
from gradlab.studies.neurons import results as neurons_results
from gradlab.studies.neurons.settings import Neurons
from gradlab.studies.remedies import results as remedies_results
from gradlab.studies.sweep import results as sweep_results
from tests import made_runs, samples
from tests.plots.comparisons import comparison
from tests.viewer import made as viewed


def sweep(place):
    """A small finished sweep of two cells."""
    norms = samples.norms(("elman", "lstm"), (0.5, 1.5), (4, 6), seeds=2)
    claims = [{"text": "Half is lost.", "metric": "rate", "where": {"w_rec": 0.5}, "below": 9.0}]
    weights = {cell: {f"orthogonal/{s}": "ab" * 32 for s in range(2)} for cell in ("elman", "lstm")}
    facts = made_runs.facts(norms, weights=weights, claims=claims, question="Does it?", git={"dirty": False})
    sweep_results.write(place, sweep_results.Run(facts, sweep_results.metrics(norms), norms))
    findings = {"data": [{"text": "Half is lost.", "status": "passed", "sentence": "It is."}]}
    (place / "findings.json").write_text(json.dumps(findings))
    return place


def remedies(place):
    """A small finished comparison of two arms."""
    remedies_results.write(place, comparison(T=(4, 6), w_rec=(1.0,), seeds=3))
    return place


def measure(place):
    """A small finished run of a given network on two windows of a series."""
    norms = samples.norms(("rnn",), (1.0,), (6,), seeds=2).assign_coords(init=["given"])
    norms = norms.assign_attrs(networks="given", precision="float64")
    del norms.attrs["hidden"]
    series = {"model_digest": "ab" * 16, "data_digest": "cd" * 16}
    settings = specs.stored(Measure("w.npz", "s.csv", arch="rnn", T=6, windows=2)) | series
    told = {"said": ["2 windows of 6 of 40 rows"], "code": {"rnn": {"weights": "ab" * 16}}}
    sweep_results.write(place, collect.of(norms, settings | {"command": "measure"}, told))
    return place


def reached(place):
    """A small finished run of a model as a whole, in half precision, on two sequences."""
    reasons = ("ok", "rescaled", "rounded", "flat", "cut", "unused")
    codes = np.array([REASONS[word] for word in reasons], np.int8)
    norms = np.where(codes == OK, -0.5 * np.arange(6), np.nan)
    known = (norms, norms, codes, reasons, {3}, False, "ab" * 16)
    results = [reached_.of(Reach("model", "bfloat16", *known, digest * 16)) for digest in ("cd", "ef")]
    sweep_results.write(place, collect.in_memory(results))
    return place


def neurons(place, cells=("lstm",)):
    """A small finished reading, its states those of random weights, its scores made up."""
    text = 'if "a" in (b): # c\n' * 16
    found = viewed.run(cells, hidden=2, text=text)
    for one in found.about["cells"]:
        one |= {"broken": 2**31 - 1, "tried": [{"lr": 0.01, "bits": 2.5}]}
    settings = specs.stored(Neurons(cell=cells, hidden=2, updates=50)) | {"command": "neurons"}
    facts = found.about | {
        "settings": settings | {"text_digest": "ab" * 16},
        "status": "complete",
        "points": len(cells),
        "failed": 0,
        "versions": made_runs.VERSIONS,
        "git": {"dirty": False},
    }
    facts["plan"] |= {"rounds": 1, "tried": 0}
    curves = pd.DataFrame({"cell": cells, "update": 50, "metric": "train_bits", "value": 2.6})
    units = found.units[["cell", "unit", "label", "verdict", *neurons_results.UNITS, "used"]]
    tables = found.scores, units, found.detectors, curves
    neurons_results.write(place, neurons_results.Reading(facts, *tables, found.norms))
    return place


def sealed(place):
    """The folder, with digests in `run.json` that fit its files."""
    file = place / "run.json"
    about = json.loads(file.read_bytes())
    for name in about["files"]:
        if (place / name).is_file():
            about["files"][name] = hashlib.sha256((place / name).read_bytes()).hexdigest()
    file.write_text(json.dumps(about))
    return place
