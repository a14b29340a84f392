"""Training: what a network's numbers depend on, who stops when, and how the learning rate is chosen."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab import registry
from gradlab.errors import GradlabError
from gradlab.studies.remedies import arms, code, loop, measure, rates, train, work
from gradlab.studies.remedies.checkpoint import Checkpoint
from gradlab.studies.remedies.networks import Setting
from gradlab.studies.remedies.settings import Training
from gradlab.studies.sweep import program
from tests.remedies.training import Follow, equal

TINY = {
    "task": "adding",
    "T": (4,),
    "hidden": 2,
    "batch": 2,
    "updates": 4,
    "eval_every": 2,
    "eval_size": 4,
    "lr": (0.1,),
    "seeds": 3,
}


@dataclasses.dataclass(frozen=True)
class Easy(Follow):
    """Solved once the error of its outputs is below what a start of zero has."""

    solved: float = 0.6


@pytest.fixture(scope="module")
def setting():
    """One program for all of this file: 4 networks on one device."""
    return Setting(
        Easy(), registry.make("cells", "elman"), arms.Remedy(), 3, 2, 2, "sgd", eval_every=2, eval_size=8
    )


def networks(setting, rates, seeds):
    comparison = Training(**TINY)
    arm = arms.arm("none", "elman", "gaussian")
    what = [(1.0, rate, f"test {seed}") for rate, seed in zip(rates, seeds, strict=True)]
    return train.draw(comparison, arm, setting, what)


def trained(setting, rates, seeds, updates=4):
    """The networks after training on one device, and their evaluations."""
    comparison = Training(**TINY | {"updates": updates})
    checkpoint = Checkpoint(None, "none", 3, "training")
    start = networks(setting, rates, seeds)
    return train.run(comparison, setting, start, False, lambda *at: None, checkpoint)


def picked(found, i):
    networks, evaluations, solved = found
    one = jax.tree.map(lambda leaf: np.asarray(leaf[i]), networks._replace(key=None))
    return one, {name: values[:, i] for name, values in evaluations.items()}, solved[i]


@pytest.fixture(scope="module")
def three(setting):
    return trained(setting, [0.1, 1e30, 0.01], [0, 1, 2])


@pytest.mark.slow
def test_numbers_depend_neither_on_the_others_nor_on_the_order(setting, three):
    turned = trained(setting, [0.01, 0.1, 0.3, 0.2], [2, 0, 5, 6])
    for i, j in ((0, 1), (2, 0)):
        for a, b in zip(picked(three, i), picked(turned, j), strict=True):
            equal(a, b)


@pytest.mark.slow
def test_more_networks_than_one_device_takes_train_on_all_of_them(setting, three):
    """Two devices, and a second call for the last networks; each round hands its networks to the next."""
    many = trained(setting, [0.1, 1e30, 0.01, *[0.1] * 6], [0, 1, 2, *range(3, 9)])
    for i in range(3):
        for a, b in zip(picked(three, i), picked(many, i), strict=True):
            equal(a, b)


def test_the_transport_of_the_network_as_it_is_now_is_measured(setting):
    """Slope and soft horizon at every evaluation, of the networks in training; T stands for beyond it."""
    asked = []

    def transport(networks):
        asked.append(np.asarray(networks.updates).tolist())
        fall = np.array([-0.1, -2.0, np.nan, -np.inf])
        with np.errstate(invalid="ignore"):
            return np.where(np.arange(4) == 0, 0.0, fall[:, None] * np.arange(4))

    comparison = Training(**TINY)
    checkpoint = Checkpoint(None, "none", 3, "training")
    start = networks(setting, [0.0] * 4, range(4))
    _, evaluations, _ = train.run(comparison, setting, start, False, lambda *at: None, checkpoint, transport)
    assert asked[0] == [2] * 4
    np.testing.assert_allclose(evaluations["transport_rate"][0, :2], [-0.1, -2.0])
    np.testing.assert_allclose(evaluations["horizon"][0], [3, 1.5, np.nan, 1])


def test_a_diverged_network_stops_and_says_when_and_what(three):
    found, evaluations, solved = three
    assert list(np.asarray(found.broken) > 0) == [False, True, False]
    assert loop.QUANTITIES[int(found.what[1])] in ("loss", "gradient", "weights")
    assert solved[1] == 0
    assert np.isnan(evaluations["loss"][1:, 1]).all()
    assert np.isfinite(evaluations["loss"][:, [0, 2]]).all() or (solved[[0, 2]] > 0).any()


def test_a_network_that_broke_has_solved_nothing_however_good_it_was(setting):
    generous = dataclasses.replace(setting, task=Easy(solved=1e30))
    _, evaluations, solved = trained(generous, [0.1, 1e30], [0, 1])
    assert list(solved) == [2, 0]
    assert np.isnan(evaluations["loss"][1:]).all()


def test_tuning_and_test_networks_have_no_seed_in_common(setting):
    comparison = Training(**TINY)
    arm = arms.arm("none", "elman", "gaussian")
    names = [f"{kind} {i}" for kind in ("test", "tuning") for i in range(4)]
    made = train.draw(comparison, arm, setting, [(1.0, 0.1, name) for name in names])
    keys = {tuple(data.tolist()) for data in np.asarray(jax.random.key_data(made.key))}
    weights = {float(w) for w in np.asarray(made.weights.cell.w_rec)[:, 0, 0]}
    assert len(keys) == len(weights) == 8


def test_the_networks_of_a_seed_are_equal_at_every_rate_and_scaled_by_w_rec(setting):
    comparison = Training(**TINY)
    arm = arms.arm("none", "elman", "gaussian")
    made = train.draw(comparison, arm, setting, [(1.0, 0.1, "a"), (1.0, 0.5, "a"), (2.0, 0.1, "a")])
    w = np.asarray(made.weights.cell.w_rec)
    np.testing.assert_array_equal(w[0], w[1])
    np.testing.assert_allclose(w[2], 2 * w[0], rtol=1e-6)
    np.testing.assert_array_equal(made.weights.w_out[0], made.weights.w_out[2])


@pytest.mark.slow
def test_what_a_digest_has_traced_is_not_traced_again_to_run(monkeypatch):
    """Neither the program of the training nor that of the profiles."""
    traced = []
    monkeypatch.setattr(
        loop, "advance", lambda *given, of=loop.advance: traced.append("advance") or of(*given)
    )
    of = program.measure_one
    monkeypatch.setattr(program, "measure_one", lambda *given: traced.append(given[-1]) or of(*given))
    comparison = Training(**TINY | {"seeds": 2, "hidden": 3})
    arm, setting = next(iter(work.by_place(comparison).values()))
    arm = work.ready(comparison, arm, setting)
    digests = code.of_arm(comparison, arm, setting)
    begun = sorted(traced)
    assert begun == sorted(["advance", *program.PROBES])
    made = train.draw(comparison, arm, setting, [(1.0, 0.1, "test 0"), (1.0, 0.1, "test 1")])
    checkpoint = Checkpoint(None, arm.label, 4, "training")
    made, _, _ = train.run(comparison, setting, made, False, lambda *at: None, checkpoint)
    measure.profiles(comparison, arm, setting, made)
    assert sorted(traced) == begun
    assert digests["training"] != digests["profile"]


@pytest.mark.ends
@pytest.mark.parametrize(
    ("solved", "losses", "best"),
    [
        # One of three seeds early beats nothing; all three late beat two early.
        ([[2, 2, 0], [4, 4, 4]], [[0.1] * 3, [0.9] * 3], 1),
        ([[2, 2, 2], [4, 4, 4]], [[0.9] * 3, [0.1] * 3], 0),
        ([[0, 0, 0], [0, 0, 0]], [[0.9] * 3, [0.1] * 3], 1),
        ([[0, 0, 0], [0, 0, 0]], [[0.9] * 3, [0.1, 0.1, np.nan]], 0),
    ],
)
def test_the_rate_is_that_of_most_solved_then_earliest_then_least_loss(
    solved, losses, best, setting, monkeypatch
):
    given = (0.3, 0.7)
    comparison = Training(**TINY | {"lr": given, "tuning": 3})
    losses = np.array(losses)

    def made_up(comparison, setting, networks, *_, beaten, until):
        broken = jnp.asarray(np.where(np.isnan(losses), 1, 0).ravel(), jnp.int32)
        return networks._replace(broken=broken), {"loss": losses.reshape(1, -1)}, np.array(solved).ravel()

    monkeypatch.setattr(train, "run", made_up)
    arm = arms.arm("none", "elman", "gaussian")
    told = lambda stage: lambda done, of, computed: None
    assert rates.chosen(comparison, arm, setting, told, None, {}) == [given[best]]


@pytest.mark.parametrize(
    ("changed", "where", "words"),
    [
        ({"T": (1,)}, "-T", "1 is too short for adding; the least T is 2"),
        ({"remedies": ("omega",), "cell": "gru"}, "--remedy", "omega needs a cell whose state is one"),
        ({"remedies": ("forget_bias",)}, "--remedy", "needs a cell with a setting forget_bias"),
        ({"remedies": ("clip_norm", "clip_norm(1.0)")}, "--remedy", "clip_norm is given twice"),
        ({"T": (4, 4)}, "-T", "4 is given twice"),
        ({"w_rec": (1.0, 1.0)}, "--w-rec", "1.0 is given twice"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_anything_is_drawn(changed, where, words):
    with pytest.raises(GradlabError) as caught:
        work.check(Training(**TINY | changed))
    assert caught.value.where == where
    assert words in caught.value.what


@pytest.mark.parametrize(
    ("changed", "where"),
    [
        ({"hidden": 0}, "--hidden"),
        ({"seeds": 0}, "--seeds"),
        ({"updates": 0}, "--updates"),
        ({"lr": (0.0,)}, "--lr"),
        ({"updates": 5}, "--updates"),
    ],
)
def test_settings_that_make_no_sense_are_refused(changed, where):
    with pytest.raises(GradlabError) as caught:
        Training(**TINY | changed)
    assert caught.value.where == where
