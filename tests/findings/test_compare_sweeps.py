"""Real sweeps compared: what is caught, and how seldom equal programs raise an alarm."""

from collections import Counter

import numpy as np
import pytest

from gradlab.findings import baseline
from gradlab.findings import finding as findings_finding
from gradlab.studies.sweep import results as sweep_results
from tests import made_runs
from tests.findings.comparing import GAIN, only


def swept(seeds, cells, gain=1.0, **settings):
    """The metrics of a real sweep; with a `gain`, of programs whose recurrent weights are larger."""
    from gradlab.studies.sweep import compute
    from gradlab.studies.sweep.labelled import dataset
    from gradlab.studies.sweep.settings import Sweep

    asked = Sweep(cell=cells, seeds=seeds, hidden=4, input_std=0.5, **settings)
    draw = compute.draw

    def drawn(sweep):
        # After the digests were taken: what a slip in a cell's step would do.
        scaled = {}
        for label, (networks, digests) in draw(sweep).items():
            params = networks.params._replace(w_rec=(networks.params.w_rec * gain).astype(np.float32))
            scaled[label] = (networks._replace(params=params), digests)
        return scaled

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compute, "draw", drawn)
        results = sorted(compute.run(asked), key=lambda result: cells.index(result.cell))
    axes = (asked.init, asked.w_rec, asked.T, range(seeds))
    norms = dataset(results, *axes, objective="unit", precision="float32", hidden=4)
    return sweep_results.Run(
        {"weights": {r.cell: r.digests for r in results}}, sweep_results.metrics(norms), norms
    )


def cut(whole, size, base):
    """A run with many seeds as many runs of a few; `base(k)` is the base seed that run k claims to have."""
    seeds = whole.metrics["seed"]
    found = []
    for k in range(whole.norms.sizes["seed"] // size):
        about = {
            "status": "complete",
            "settings": made_runs.SETTINGS | {"seed": base(k)},
            "versions": made_runs.VERSIONS,
        }
        table = whole.metrics[(seeds >= k * size) & (seeds < (k + 1) * size)]
        found.append(sweep_results.Run(whole.about | about, table, whole.norms))
    return found


def gains_caught(count, size, cells, **grid):
    """Of so many real runs with 1 % more gain, how many the gate has failed, by the rate of every cell."""
    before, after = (cut(swept(count * size, cells, gain, **grid), size, lambda k: 0) for gain in (1.0, GAIN))
    caught = 0
    for old, new in zip(before, after, strict=True):
        failed = only(baseline.compare(new, baseline.create(old)), "failed")
        caught += {finding.where["cell"] for finding in failed if finding.metric == "rate"} == set(cells)
    return caught


@pytest.mark.slow
def test_one_percent_of_gain_in_a_real_sweep_is_caught_every_time():
    assert gains_caught(20, 3, ("elman",), w_rec=(0.9,), T=(12,)) == 20


@pytest.mark.long
def test_one_percent_of_gain_is_caught_in_gated_cells_too():
    grid = {"w_rec": (0.5, 0.9, 1.1, 1.5), "T": (12, 40), "init": ("gaussian",)}
    caught = gains_caught(200, 5, ("elman", "lstm", "gru"), **grid)
    print(f"\nof 200 runs with 1 % more gain {caught} were caught")
    assert caught == 200


@pytest.mark.long
@pytest.mark.parametrize("size", [5, 8])
def test_two_hundred_comparisons_of_equal_programs_raise_at_most_four_alarms(size):
    whole = swept(400 * size, ("elman", "lstm"), w_rec=(0.5, 0.9, 1.1, 1.5), T=(12, 40), init=("gaussian",))
    parts = cut(whole, size, lambda k: k)
    codes = Counter(
        int(findings_finding.exit_code(baseline.compare(new, baseline.create(old))))
        for old, new in zip(parts[::2], parts[1::2], strict=True)
    )
    assert codes.total() == 200
    print(
        f"\n{size} seeds: of 200 A/A comparisons {codes[0]} passed, {codes[1]} failed, {codes[4]} not judged"
    )
    assert codes[1] + codes[4] <= 4
