"""A training is watched: what is planted in it is named once, and it is never ended."""

import json
import warnings

import jax.numpy as jnp
import numpy as np
import pytest

import gradlab
from gradlab.errors import GradlabError
from gradlab.monitoring import batch, compiling
from gradlab.monitoring.looks import Call, How
from gradlab.report.words import signed
from gradlab.runs import contents
from tests.cli.calling import gradlab as command
from tests.monitoring import trainings
from tests.monitoring.trainings import ALWAYS, BROKEN, OWN, SEQUENCE, N, T, said_by, watched


@pytest.mark.slow
def test_a_nan_of_the_backward_pass_is_found_and_named_once(lost):
    _, said = lost
    assert said == [
        f"update 4 leaves params['w'] not finite; batch[{SEQUENCE}] of 3 sequences: the forward pass is "
        f"finite; going back, the derivative of step {BROKEN} is not, in c"
    ]


def test_the_looks_are_rows_by_update_and_equal_what_measure_gives(lost):
    monitor, said = lost
    norms = gradlab.load(monitor.folder).norms
    assert norms["update"].values.tolist() == [0, 3, 4]
    assert norms["cell"].values.tolist() == [f"step at update {at}" for at in (0, 3, 4)]
    assert norms.sizes["seed"] == 1
    params = {"w": 0.9 * jnp.eye(N)}
    i = int(np.random.default_rng([0, 0]).permutation(3)[0])
    own = gradlab.measure(
        trainings.step, params, trainings.START, trainings.batch(0)[i], targets=trainings.TARGETS[i], **OWN
    )
    for name in ("adjoint", "transport", "weight_gradient", "gradient"):
        np.testing.assert_array_equal(norms[name].values[0].ravel(), own[name].values.ravel())
    about = json.loads((monitor.folder / "run.json").read_text())
    assert (about["said"], about["status"], about["failed"]) == (said, "partial", 1)
    line = json.loads((monitor.folder / "failures.jsonl").read_text())
    assert (line["cell"], line["pass"], line["step"]) == ("step at update 4", "backward", BROKEN)
    assert line["leaves"] == ["c"]


def test_the_run_is_read_as_a_sweep_is(lost, tmp_path, monkeypatch):
    monitor, _ = lost
    monkeypatch.chdir(tmp_path)
    shown = command("show", monitor.folder)
    assert (shown.code, shown.err) == (0, "")
    lines = shown.out.splitlines()
    assert lines[0] == "step"
    assert lines[1].startswith("update regime ")
    assert [line.split()[:2] for line in lines[2:4]] == [["0", "VANISH"], ["3", "VANISH"]]
    assert lines[4].split()[:5] == ["4", "NONFINITE", "back", "at", str(BROKEN)]
    assert command("baseline", "create", monitor.folder, "-o", "b.json", "--force").code == 0
    assert command("check", monitor.folder, "--baseline", "b.json").code == 0
    assert command("diff", monitor.folder, monitor.folder).code == 0
    assert command("report", monitor.folder, "-o", "r.html").code == 0
    page = (tmp_path / "r.html").read_text()
    assert "While it trains" in page or "while it trains" in page
    assert command("plot", monitor.folder, "over_training", "-o", "p.svg").code == 0


def test_the_verdict_is_told_in_the_order_of_the_updates(lost):
    monitor, _ = lost
    run = gradlab.load(monitor.folder)
    rates = run.table()["rate"]
    assert run.verdict == (
        f"At T = {T} (each look at 1 sequence), step vanishes at updates 0 to 3 (2 looks) and is not "
        f"finite at update 4; its rate is {signed(rates[0])} decades per step at update 0 and "
        f"{signed(rates[2])} at update 4."
    )


@pytest.mark.slow
def test_one_of_the_forward_pass_is_named_from_the_gradients_that_are_given(tmp_path):
    monitor = watched(tmp_path / "mine", every=100)
    said = said_by(lambda: trainings.trained(monitor, 3, column=2, at=1, grads=True))
    assert said == [
        f"update 1 has grads['w'] not finite; batch[{SEQUENCE}] of 3 sequences: the forward pass is not "
        f"finite from step {BROKEN} on, in h and c"
    ]
    assert monitor.run.norms["update"].values.tolist() == [0, 1]
    assert int(monitor.run.norms["nonfinite_step"].values.ravel()[1]) == BROKEN


def test_plain_gradients_of_a_batch_are_those_of_the_training():
    params, xs = {"w": 0.9 * jnp.eye(N)}, trainings.batch(5)
    call = Call(0, trainings.step, params, trainings.START, xs, trainings.TARGETS, None)
    found = batch.gradients(call, How(**OWN))
    wanted = np.linalg.norm(np.asarray(trainings.gradient(params, xs)["w"]))
    assert found.lost == []
    assert found.norm == pytest.approx(wanted, rel=1e-5)


def test_a_second_gradient_of_a_batch_compiles_nothing_and_is_another():
    def norm(update, scale):
        call = Call(0, lambda p, s, x: trainings.step(p, s, x), {"w": scale * jnp.eye(N)}, *rest(update))
        return batch.gradients(call, How(**OWN)).norm

    rest = lambda update: (trainings.START, trainings.batch(update), trainings.TARGETS, None)
    norm(5, 0.9)
    so_far = compiling.seconds()
    found = norm(6, 0.5)
    assert compiling.seconds() == so_far
    wanted = np.linalg.norm(np.asarray(trainings.gradient({"w": 0.5 * jnp.eye(N)}, trainings.batch(6))["w"]))
    assert found == pytest.approx(wanted, rel=1e-5)


def scalar(w, h, x):
    return w * h + x


XS = jnp.ones((2, 12, 1), np.float32)


def looked(monitor, w, **given):
    return lambda: monitor(scalar, jnp.float32(w), jnp.zeros(1, np.float32), XS, **given)


def test_a_horizon_that_falls_below_what_is_needed_is_told_once(tmp_path):
    monitor = gradlab.Monitor(tmp_path / "mine", every=1, needs=8, **ALWAYS)
    assert said_by(looked(monitor, 0.9)) == []
    # 0.3^5.74 is 10^-3; at update 0 it had not fallen so far in the 12 steps.
    (said,) = said_by(looked(monitor, 0.3))
    assert said == (
        "update 1: the transport of scalar has fallen by 10^3 at lag 5.74, and needs = 8; at update 0 that "
        "was beyond the 12 steps"
    )
    assert said_by(looked(monitor, 0.2)) == []


def test_an_explosion_that_clipping_hides_is_told_in_its_numbers(tmp_path):
    monitor = gradlab.Monitor(tmp_path / "mine", every=1, clip=2.0, **ALWAYS)
    # Growing and not clipped, clipped and not growing: nothing is hidden.
    assert said_by(looked(monitor, 2.0, grads=jnp.float32(1.0))) == []
    assert said_by(looked(monitor, 0.5, grads=jnp.float32(100.0))) == []
    (said,) = said_by(looked(monitor, 2.0, grads=jnp.float32(100.0)))
    assert said == (
        "update 2: the gradient has norm 100, clipping leaves 2 of it, a share of 0.02, and explodes: the "
        "transport of scalar changes by +0.301 decades per step of lag, +3.61 over T = 12; a factor on the "
        "whole gradient does not change that"
    )


def test_what_cannot_be_judged_is_said_before_anybody_relies_on_it(tmp_path):
    monitor = gradlab.Monitor(tmp_path / "mine", every=1, clip=2.0, needs=50, **ALWAYS)
    assert said_by(looked(monitor, 0.9)) == [
        "needs = 50 cannot be seen: sequences have 12 steps",
        "clip = 2 is compared with nothing: no gradient is known; pass grads, or a loss",
    ]
    (said,) = said_by(lambda: monitor(scalar, jnp.float32(0.9), jnp.zeros(1, np.float32), XS[:, :5]))
    assert said == (
        "update 1: the batch has 2 of 5; batches that hold 1 sequences of 12 steps are looked at, as the "
        "first one did"
    )
    assert monitor.run.norms["update"].values.tolist() == [0]


def wrong(w, h, x):
    raise RuntimeError("no\nstep")


def test_whatever_fails_is_one_warning_and_the_training_goes_on(tmp_path):
    monitor = gradlab.Monitor(tmp_path / "mine", every=1, **ALWAYS)
    call = lambda: monitor(wrong, jnp.float32(0.5), jnp.zeros(1, np.float32), XS)
    (said,) = said_by(call)
    assert said.startswith("update 0: step: cannot be traced by JAX: RuntimeError: 'no'")
    assert said.endswith("nothing is looked at any more")
    assert "\n" not in said
    assert said_by(call) == []
    assert not (tmp_path / "mine").exists()


@pytest.mark.parametrize("batch", [None, jnp.ones(3), {"a": XS, "b": XS[:1]}, "text"])
def test_a_batch_that_is_none_does_not_end_it_either(tmp_path, batch):
    monitor = gradlab.Monitor(tmp_path / "mine", every=1, **ALWAYS)
    (said,) = said_by(lambda: monitor(scalar, jnp.float32(0.5), jnp.zeros(1, np.float32), batch))
    assert "batch: has shape" in said


def test_a_folder_that_goes_away_does_not_end_it(tmp_path, monkeypatch):
    monitor = gradlab.Monitor(tmp_path / "mine", every=1, **ALWAYS)

    def full(*given):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(contents, "replace", full)
    (said,) = said_by(looked(monitor, 0.9))
    assert "cannot be written: No space left on device" in said


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_who_interrupts_is_heard(tmp_path, error):
    def interrupted(w, h, x):
        raise error

    monitor = gradlab.Monitor(tmp_path / "mine", every=1, **ALWAYS)
    with pytest.raises(error):
        monitor(interrupted, jnp.float32(0.5), jnp.zeros(1, np.float32), XS)


def test_a_filter_makes_the_first_warning_end_a_training(tmp_path):
    monitor = gradlab.Monitor(tmp_path / "mine", every=1, needs=50, **ALWAYS)
    with warnings.catch_warnings():
        warnings.simplefilter("error", gradlab.MonitorWarning)
        with pytest.raises(gradlab.MonitorWarning, match="cannot be seen"):
            looked(monitor, 0.9)()


REFUSED = {
    "every": ({"every": 0}, "^every: is 0; it is a whole number, 1 or more"),
    "sequences": ({"sequences": True}, "^sequences: is True; it is a whole number"),
    "clip": ({"clip": -1.0}, r"^clip: is -1\.0; it is a number above 0"),
    "needs": ({"needs": float("nan")}, "^needs: is nan; it is a number above 0"),
    "share": ({"share": 5}, "^share: is 5; it is a share of the time, at most 1"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_settings_are_refused_before_the_training(tmp_path, name):
    given, said = REFUSED[name]
    with pytest.raises(GradlabError, match=said):
        gradlab.Monitor(tmp_path / "mine", **given)
    assert not (tmp_path / "mine").exists()
