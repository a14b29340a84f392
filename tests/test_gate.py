"""The gate, on real sweeps: planted faults, faults in every cell, and equal cells with other seeds."""

import dataclasses

import jax
import numpy as np
import pytest

from gradlab import registry
from gradlab.findings import baseline
from gradlab.findings import finding as findings_finding
from gradlab.profiles import bound
from gradlab.studies.sweep import results
from gradlab.studies.sweep.networks import stream
from tests import gated, mutants
from tests.gated import ELSEWHERE, FAULTS, GRID, Gated
from tests.tiers import few

HERE = dataclasses.replace(GRID, cell=("tests.gated:Gated",))


@pytest.fixture(scope="module")
def right():
    Gated.FAULT = ""
    return baseline.create(gated.run(HERE))


def judged(kept, run):
    found = baseline.compare(run, kept)
    return int(findings_finding.exit_code(found)), found


@pytest.mark.slow
def test_nothing_wrong_is_found_in_what_is_right(right):
    code, found = judged(right, gated.run(HERE))
    assert (code, {finding.status for finding in found}) == (0, {"passed"})


@pytest.mark.parametrize("fault", few(FAULTS, FAULTS[:2]))
@pytest.mark.slow
def test_a_planted_fault_is_caught(fault, right, monkeypatch):
    monkeypatch.setattr(Gated, "FAULT", fault)
    code, _ = judged(right, gated.run(HERE))
    assert code == 1


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("recurrent weights 1 % large", "w_rec is 1.01 times what it was"),
        ("forget bias 1 % large", "this was changed: b is 1.00"),
    ],
)
def test_other_weights_are_told_from_another_processors(fault, words, right, monkeypatch):
    """Digests differ in both; what is drawn is the same to 1e-5, but for what was changed."""
    monkeypatch.setattr(Gated, "FAULT", fault)
    code, found = judged(right, gated.run(HERE, ELSEWHERE))
    assert code == 1
    (said,) = [finding for finding in found if finding.metric == "weights"]
    assert (said.status, words in said.sentence) == ("failed", True), said


def test_weights_that_another_processor_rounds_otherwise_are_compared_seed_by_seed(right):
    run = gated.run(HERE, ELSEWHERE)
    for digests in run.about["weights"].values():
        digests.update(dict.fromkeys(digests, "rounded otherwise"))
    for name in ("weights", "weights_projection"):
        run.norms[name] = run.norms[name] * (1 + 1e-7)
    code, found = judged(right, run)
    assert code == 0
    notes = [finding.sentence for finding in found if finding.status == "note"]
    assert len(notes) == 1
    assert "rounded otherwise" in notes[0]
    assert all("paired" in finding.sentence for finding in found if finding.status == "passed")


CELLS = [name for name in registry.names("cells") if name not in ("layer_norm", "residual", "stacked")]
CELLS += ["layer_norm(cell=gru)", "residual(cell=elman)", "stacked(cell=min_gru, layers=2)"]


OFTEN = (
    "elman",
    "lstm",
    "lru",
    "min_gru",
    "orthogonal",
    "esn",
    "layer_norm(cell=gru)",
    "residual(cell=elman)",
)
"""With the slow tests: of each kind of step one."""


@pytest.mark.parametrize("spec", few(CELLS, ("gru",), OFTEN))
@pytest.mark.slow
def test_a_fault_in_the_step_of_any_cell_is_caught(spec, monkeypatch):
    """Two mutants of each cell, drawn: caught, unless no gradient has changed by more than its bound."""
    asked = dataclasses.replace(GRID, cell=(spec,), seeds=2, w_rec=(0.9,), T=(12,))
    whole = gated.run(asked)
    kept = baseline.create(whole)
    cell = registry.make("cells", spec)
    key = stream(0, "mutants", cell=spec)
    params, state = cell.init(key, 2, 6, 0.9, registry.make("initializers", "orthogonal"))
    known = mutants.mutants(cell, params, state, jax.numpy.zeros(2))
    rng = np.random.default_rng(len(known))
    make = registry.make
    for i in rng.choice(len(known), 2, replace=False):
        wrong = mutants.Mutated(cell, known[i])
        # The cells that a wrapper holds are made by name, too, and stay as they are.
        instead = lambda *one, wrong=wrong: wrong if one == ("cells", spec) else make(*one)
        with monkeypatch.context() as patch:
            patch.setattr(registry, "make", instead)
            run = gated.run(asked)
        code, _ = judged(kept, run)
        assert code == 1 or not differ(whole, run), (spec, known[i])


def differ(one, other):
    """Whether any gradient is another by more than the printed bound: of every part, lag and parameter."""
    room = bound("float32", 12) / np.log(10)
    for name in ("adjoint", "transport_frobenius", "weight_gradient", "gradient"):
        pairs = one.norms[name].values, other.norms[name].values
        codes = one.norms[f"{name}_state"].values, other.norms[f"{name}_state"].values
        if (codes[0] != codes[1]).any() or np.nanmax(np.abs(pairs[1] - pairs[0])) > room:
            return True
    return False


@pytest.mark.long
def test_equal_cells_with_other_seeds_raise_no_alarm():
    """Of 200 pairs at most 1 %: five networks against five others, drawn in one sweep."""
    pairs, seeds = 200, 5
    whole = gated.run(dataclasses.replace(GRID, seeds=2 * pairs * seeds))
    alarms = 0
    for k in range(pairs):
        sides = [part(whole, (2 * k + side) * seeds, seeds) for side in (0, 1)]
        code, _ = judged(baseline.create(sides[0]), sides[1])
        alarms += code == 1
    assert alarms <= pairs // 100, alarms


def part(run, first, count):
    """Some of a run's networks, as if they were a run with a base seed of its own."""
    norms = run.norms.isel(seed=slice(first, first + count)).assign_coords(seed=range(count))
    weights = {
        cell: {f"orthogonal/{s}": digests[f"orthogonal/{first + s}"] for s in range(count)}
        for cell, digests in run.about["weights"].items()
    }
    settings = run.about["settings"] | {"seed": first}
    return results.Run(run.about | {"weights": weights, "settings": settings}, results.metrics(norms), norms)
