"""The gate of a given network over batches of windows of one series: when it is quiet, and when it fires.

All windows of the sunspots' LSTM (`examples/trained/`) are sent back in numpy, once; then batches are drawn
from them, as `gradlab measure` draws them, and compared. Windows of one series share rows, but a batch is a
simple random sample of them without replacement, so Welch's interval covers the difference of two batches.
"""

from pathlib import Path

import numpy as np
import pytest

from gradlab.findings.compare import changes
from gradlab.findings.numbers import BySeed, Key, Numbers

DATA = Path(__file__).parents[2] / "examples" / "trained" / "data"
T, WINDOWS, PAIRS = 40, 20, 200
LAGS = (1, 20, 40)
LEAF = "weight_hh_l0"


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def every_window(weights, through_h=1.0):
    """log10 norms of transport and adjoint of each window, by name and lag; -inf where they are zero.

    `through_h` is what the backward pass takes of the way through h: the forward pass is the same.
    """
    _, now, after = np.loadtxt(DATA / "sunspots.csv", delimiter=",", skiprows=1).T
    xs = np.lib.stride_tricks.sliding_window_view(now, T)
    aims = after[T - 1 :]
    count, N = len(xs), len(weights["head.weight"][0])
    w_in, w_rec = weights["lstm.weight_ih_l0"][:, 0], weights["lstm.weight_hh_l0"]
    b = weights["lstm.bias_ih_l0"] + weights["lstm.bias_hh_l0"]
    h, c, steps = np.zeros((count, N)), np.zeros((count, N)), []
    for t in range(T):
        i, f, g, o = np.split(xs[:, t, None] * w_in + h @ w_rec.T + b, 4, axis=1)
        i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
        # d(c', h')/d(c, h), the sums' derivatives first.
        of_c = np.concatenate([g * i * (1 - i), c * f * (1 - f), i * (1 - g**2), 0 * o], axis=1)
        c = f * c + i * g
        squashed = np.tanh(c)
        slope = o * (1 - squashed**2)
        by_gate = of_c.reshape(count, 4, N)[..., None] * w_rec.reshape(4, N, N)
        c_by_h = through_h * by_gate.sum(1)
        h_by_h = slope[..., None] * c_by_h + through_h * (squashed * o * (1 - o))[..., None] * w_rec[3 * N :]
        eye = np.eye(N)
        steps.append(
            np.concatenate(
                [
                    np.concatenate([h_by_h, (slope * f)[..., None] * eye], axis=2),
                    np.concatenate([c_by_h, f[..., None] * eye], axis=2),
                ],
                axis=1,
            )
        )
        h = o * squashed
    miss = h @ weights["head.weight"][0] + weights["head.bias"][0] - aims
    back = miss[:, None] * np.append(weights["head.weight"][0], np.zeros(N))
    product, found = np.broadcast_to(np.eye(2 * N), (count, 2 * N, 2 * N)), {}
    for lag in range(1, T + 1):
        product = product @ steps[T - lag]
        if lag in LAGS:
            found["transport_frobenius", lag] = np.linalg.norm(product, axis=(1, 2))
            found["adjoint", lag] = np.linalg.norm(np.einsum("bi,bij->bj", back, product), axis=1)
    with np.errstate(divide="ignore"):
        return {name: np.log10(norm) for name, norm in found.items()}


def batch(population, weights, seed):
    """A batch as one side of a comparison."""
    starts = np.random.default_rng(seed).choice(len(population["adjoint", 1]), WINDOWS, replace=False)
    series = {}
    for (metric, lag), values in population.items():
        drawn = [float(v) if np.isfinite(v) else "exact_zero" for v in values[starts]]
        key = Key(metric, "lstm", "given", 1.0, T, lag=lag)
        series[key] = BySeed(dict(enumerate(drawn)), chaotic=False)
    names = [f"given/{i}" for i in range(WINDOWS)]
    signs = np.random.default_rng(0).choice([-1.0, 1.0], weights["lstm.weight_hh_l0"].shape)
    norm = float(np.linalg.norm(weights["lstm.weight_hh_l0"]))
    mark = {LEAF: (norm, float((signs * weights["lstm.weight_hh_l0"]).sum() / norm))}
    settings = {"seed": seed, "data_digest": "sunspots"}
    return Numbers(
        settings, {}, {"lstm": dict.fromkeys(names, str(mark))}, series, {"lstm": dict.fromkeys(names, mark)}
    )


@pytest.fixture(scope="module")
def weights():
    with np.load(DATA / "sunspots_lstm.npz") as held:
        return dict(held)


@pytest.fixture(scope="module")
def windows(weights):
    return every_window(weights)


def alarms(windows, weights, others, other_weights, pairs):
    """What fails in each comparison of a batch with another one, of another seed."""
    found = []
    for seed in range(pairs):
        sides = batch(windows, weights, 2 * seed), batch(others, other_weights, 2 * seed + 1)
        judged = [change.finding for change in changes(*sides)]
        assert "inconclusive" not in {one.status for one in judged}
        # What is repeated are sequences, and no seed draws this network.
        assert not any("seed" in one.sentence + one.wanted + one.text for one in judged)
        found.append([one.metric for one in judged if one.status == "failed"])
    return found


def test_other_batches_of_the_same_data_raise_no_alarm(windows, weights):
    """1 % of comparisons may: of 200 more than 7 would be chance in 1 of 1000."""
    found = alarms(windows, weights, windows, weights, PAIRS)
    assert sum(map(bool, found)) <= 7


@pytest.mark.parametrize("gate", range(4))
def test_two_percent_of_one_gate_is_caught_in_every_batch(windows, weights, gate):
    changed = {name: w.copy() for name, w in weights.items()}
    N = len(changed["lstm.weight_hh_l0"]) // 4
    changed["lstm.weight_hh_l0"][gate * N : (gate + 1) * N] *= 1.02
    found = alarms(windows, weights, every_window(changed), changed, 20)
    assert all("weights" in failed for failed in found)


def test_a_gradient_that_is_cut_is_caught_in_every_batch(windows, weights):
    """The same outputs and weights, and no way back through h: what is left is the way through c."""
    cut = every_window(weights, through_h=0.0)
    found = alarms(windows, weights, cut, weights, 20)
    assert all("transport_frobenius" in failed for failed in found)
    assert not any("weights" in failed for failed in found)


def test_a_gradient_that_changes_by_a_millionth_is_caught_on_the_same_windows(windows, weights):
    weaker = every_window(weights, through_h=1 - 1e-6)
    for seed in range(5):
        sides = batch(windows, weights, seed), batch(weaker, weights, seed)
        failed = {change.finding.metric for change in changes(*sides) if change.finding.status == "failed"}
        assert {"transport_frobenius", "adjoint"} <= failed


# Of 100 pairs of batches: what has been counted is a fact of these windows, and the gate's script tells it.
POWER = {0.98: 1, 0.9: 30, 0.8: 86, 0.7: 100}


@pytest.mark.ends
@pytest.mark.parametrize("through_h", POWER)
def test_how_often_a_weaker_way_back_is_seen_on_other_windows(windows, weights, through_h):
    found = alarms(windows, weights, every_window(weights, through_h), weights, 100)
    assert sum(map(bool, found)) == POWER[through_h]
    told = (DATA.parent / "checkpoint_gate.sh").read_text().replace("\n# ", " ")
    assert f"{POWER[through_h]} of 100 for {100 * (1 - through_h):.0f} %" in told
