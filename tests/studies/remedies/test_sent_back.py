"""What came from beyond lag k and what the target can be told of: rows and words, by hand."""

import dataclasses
import math

import h5py
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

from gradlab.errors import GradlabError
from gradlab.runs.shards import Shards
from gradlab.studies.remedies import arms, ended, kept, results, sent_back, signal, train, work
from gradlab.studies.remedies.sentences import sentence
from gradlab.studies.remedies.settings import Training
from tests.received import made
from tests.studies.remedies.test_rows import row
from tests.trials import PROFILE_T, made_up, result

T = PROFILE_T


def followed(arm="none", far=(0.25, 0.5), told=(3, 9), fall=0.1, **changed):
    """An arm whose gradient comes from lag 0 and, a part of it, from lag 35; told up to these lags."""
    found = result(arm, **changed)
    seeds, length = len(found.solved_at), found.T
    share = np.zeros((seeds, 2, length + 1))
    chance = np.ones((seeds, 2, length + 1))
    for end in range(2):
        share[:, end, 0], share[:, end, length - 5] = 1 - far[end], far[end]
        chance[:, end, : told[end] + 1] = 0.01
        # What is told beyond a lag that is not counts for nothing.
        chance[:, end, told[end] + 3] = 0.01
    share[..., length] = chance[..., length] = np.nan
    transport = np.stack([-fall * np.arange(length + 1), -0.01 * np.arange(length + 1)])
    profiles = found.profiles | {"transport": transport * np.ones((seeds, 1, 1))}
    return found._replace(profiles=profiles | {"gradient_share": share, "target_chance": chance})


def test_lag_k_is_the_plain_arms_horizon_for_every_arm():
    """It has fallen by 3 decades at lag 30; another arm's own horizon changes nothing."""
    plain, other = made_up(followed(), followed("lstm", far=(0.0, 0.75), told=(-1, 20), fall=0.01)).outcomes()
    assert (plain.lag, other.lag) == (30, 30)
    assert plain.beyond == pytest.approx((0.25, 0.5))
    assert other.beyond == pytest.approx((0.0, 0.75))
    assert (plain.told, other.told) == ((3, 9), (-1, 20))
    assert (plain.sequences, other.sequences) == (128, 128)


def test_without_a_horizon_it_is_half_of_the_sequence():
    (plain,) = made_up(followed(fall=0.01)).outcomes()
    assert (plain.lag, plain.beyond[0]) == (T // 2, pytest.approx(0.25))


def test_a_seed_without_a_gradient_is_left_out_and_all_of_them_say_nothing():
    some, none = followed(), followed("lstm")
    for name in ("gradient_share", "target_chance"):
        some.profiles[name][0, 0] = np.nan
        none.profiles[name][:, 0] = np.nan
    plain, dead = made_up(some, none).outcomes()
    assert (plain.beyond[0], plain.told[0]) == (pytest.approx(0.25), 3)
    assert math.isnan(dead.beyond[0])
    assert math.isnan(dead.told[0])
    assert "beyond lag" not in sentence(dead)


def test_older_runs_and_arms_that_follow_no_gradient_say_nothing(tmp_path):
    """A file without the two arrays is read, and its rows are what they were."""
    old = made_up(result(), result("truncate(k=4)", cut=4))
    assert set(old.norms.data_vars) == {"adjoint", "transport", "weight_gradient"}
    results.write(tmp_path, old)
    for each in results.read(tmp_path).outcomes():
        assert (each.sequences, math.isnan(each.lag)) == (0, True)
        assert "statistical" not in sentence(each)
    _, fitted = made_up(followed(), result("esn")).outcomes()
    assert fitted.sequences == 0


def test_what_is_read_is_what_was_written_and_what_cannot_be_is_refused(tmp_path):
    run = made_up(followed(), result("esn"))
    results.write(tmp_path / "run", run)
    again = results.read(tmp_path / "run")
    xr.testing.assert_identical(again.norms, run.norms)
    assert repr(again.outcomes()) == repr(run.outcomes())
    for name, value in (("target_chance", 1.5), ("gradient_share", np.inf)):
        wrong = run.norms.copy(deep=True)
        wrong[name][...] = value
        results.write(tmp_path / name, dataclasses.replace(run, norms=wrong))
        with pytest.raises(GradlabError, match="no chance" if name == "target_chance" else "infinite number"):
            results.read(tmp_path / name)
    for many in ("128", 0):
        results.write(
            tmp_path / "many", dataclasses.replace(run, norms=run.norms.assign_attrs(sequences=many))
        )
        with pytest.raises(GradlabError, match="no number of sequences"):
            results.read(tmp_path / "many")


@pytest.mark.parametrize("shape", [(), (1,)])
def test_their_number_is_read_as_any_version_of_the_libraries_writes_it(shape, tmp_path):
    run = made_up(followed())
    results.write(tmp_path, run)
    with h5py.File(tmp_path / "norms.nc", "r+") as file:
        file.attrs.create("sequences", np.full(shape, 128, np.int64))
    made.sealed(tmp_path)
    assert [one.sequences for one in results.read(tmp_path).outcomes()] == [128]


@pytest.mark.parametrize("found", [followed(), result()])
def test_a_run_that_goes_on_is_read_with_and_without_it(found, tmp_path):
    shards = Shards(tmp_path / "shards")
    begun = kept.Begun("none", "elman", 50, 2700, {}, 0.01, 0.1)
    kept.keep_result(shards, "none", found, {})
    read = ended.result(shards, "none", found.T, 1.0, begun, 20)
    assert read.profiles.keys() == found.profiles.keys()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({}, "horizon 12 -> 14; 25% -> 2.5% of the recurrent weights' gradient from beyond lag 12; stat"),
        ({"beyond": (0.0, -0.0004)}, "; 0% -> <0.1% of the"),
        ({"beyond": (-0.2, 1.004)}, "; -20% -> 100% of the"),
        ({}, "beyond lag 12; statistical horizon 8 -> 30 with 128 sequences; not solved"),
        ({"told": (-1, 8)}, "statistical horizon none -> 8 with 128 sequences (none: it takes more)"),
    ],
)
def test_words(changed, words):
    known = {"lag": 12.0, "beyond": (0.25, 0.025), "told": (8.0, 30.0), "sequences": 128}
    assert words in sentence(row(**known | changed))


@pytest.mark.slow
def test_what_a_training_would_move_is_cut_as_autodiff_cuts_it():
    """The mean loss of a task's own sequences, of a cell in training: all but what goes back beyond lag k."""
    asked = Training(task="adding", T=(6,), hidden=3, seeds=2, lr=(0.1,))
    arm = arms.arm("none", "elman", "gaussian")
    setting = work.setting_of(asked, arm, 6, 3)
    networks = train.draw(asked, arm, setting, [(1.0, 0.1, f"test {seed}") for seed in range(2)])
    found = signal.of_loss(asked, setting, networks)
    keys = jax.random.split(signal.stream(asked.seed, "signal", task="adding"), signal.SEQUENCES)
    examples = signal.sample(setting, keys, np.float32)

    def gradient(network, cut):
        def whole(w_rec):
            params = network.weights.cell._replace(w_rec=w_rec)

            def one(example):
                state, read = network.state, []
                for t, x in enumerate(example.xs):
                    held = jax.lax.stop_gradient(state)
                    state = jax.tree.map(lambda a, b, t=t: jnp.where(6 - t == cut, a, b), held, state)
                    state = arm.cell.step(params, state, x)
                    hidden = arm.cell.readout(state)
                    read.append(network.weights.w_out @ hidden + network.weights.b_out)
                return setting.task.loss(jnp.stack(read), example)

            return jax.vmap(one)(examples).mean()

        return jax.grad(whole)(network.weights.cell.w_rec).ravel()

    each = jax.jit(jax.vmap(jax.vmap(gradient, (None, 0)), (0, None)))(networks, jnp.arange(1, 7))
    for share, within in zip(found["gradient_share"], np.asarray(each, np.float64), strict=True):
        whole = within[-1]
        np.testing.assert_allclose(np.cumsum(share[:6]), within @ whole / (whole @ whole), atol=2e-5)
        assert np.isnan(share[6])
    # The first state is zero: its use of the weights has no gradient.
    chance = found["target_chance"]
    assert ((chance[:, :5] > 0) & (chance[:, :5] <= 1)).all()
    assert np.isnan(chance[:, 5:]).all()


def test_sequences_of_different_lengths_have_no_one_lag():
    asked = Training(task="adding(shortest=4)", T=(6,), hidden=3, lr=(0.1,))
    arm = arms.arm("none", "elman", "gaussian")
    setting = work.setting_of(asked, arm, 6, 3)
    networks = train.draw(asked, arm, setting, [(1.0, 0.1, "test 0")])
    assert signal.of_loss(asked, setting, networks) == {}


def test_a_search_takes_the_plain_arm_where_it_was_tried():
    """At T = 80 the plain arm was not: its horizon at 40 stands for it."""
    rows = made_up(followed(), followed("lstm", T=40), followed("lstm", T=80)).outcomes()
    assert [one.lag for one in rows] == [30, 30, 30]
    assert sent_back.added([], made_up(followed()).norms) == []
