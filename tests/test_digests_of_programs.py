"""Digests themselves: what they see of a program, and what a set of them proves."""

import jax
import jax.numpy as jnp
import pytest

from gradlab import digests, registry
from gradlab.errors import GradlabError
from gradlab.studies.remedies import code as of_training
from gradlab.studies.remedies import readout, work
from gradlab.studies.remedies.settings import Training
from tests import stale

write = stale.write


def test_digests_see_derivatives_and_constants_and_no_names():
    lowered = lambda f: jax.jit(f).lower(jnp.zeros(3))
    grad = lambda f: digests.digest(lowered(jax.grad(lambda x: f(x).sum())))
    plain = grad(lambda x: x * x)
    assert grad(lambda y: y * y) == plain
    assert grad(lambda x: x * jax.lax.stop_gradient(x)) != plain
    table = jnp.arange(3.0)
    assert digests.digest(lowered(lambda x: x * table)) != digests.digest(
        lowered(lambda x: x * (table + 1e-15))
    )


def test_a_callback_is_said_to_be_unseen():
    def f(x):
        return jax.pure_callback(lambda v: v, jax.ShapeDtypeStruct((3,), x.dtype), x)

    found = [digests.digest(jax.jit(f).lower(jnp.zeros(3))) for _ in range(2)]
    assert found[0] == found[1]
    assert found[0][digests.UNSEEN] == "callbacks into Python"


def test_what_is_brought_is_spelt_as_it_was_given(write):
    write()
    cell = registry.make("cells", "stale:Cell")
    assert registry.spelling(cell) == "stale:Cell"
    wrapped = registry.make("cells", "layer_norm(cell=stale:Cell)")
    assert ":" in registry.spelling(wrapped)


def test_nothing_known_is_no_reason_to_believe_it():
    never = lambda one, before: pytest.fail("looked at")
    for entries in (None, {}, {"elman": None}, []):
        with pytest.raises(GradlabError, match="before digests of the code were kept"):
            digests.require(entries, never, never, "r/one", {"elman": ()}, never)


def test_what_is_only_called_a_callback_is_seen():
    def callback(x):
        return 1234.5 * x

    assert digests.UNSEEN not in digests.digest(jax.jit(callback).lower(jnp.zeros(3)))


def test_codes_of_one_thing_keep_all_that_no_digest_sees():
    step, training = {"step": "1", "unseen": "step: callbacks"}, {"training": "2", "unseen": "training: more"}
    assert digests.joined(step, training) == {
        "step": "1",
        "training": "2",
        "unseen": "step: callbacks, training: more",
    }
    assert digests.joined({"step": "1"}, {"init": "2"}) == {"step": "1", "init": "2"}


@pytest.mark.parametrize("code", [{}, {"unseen": "callbacks into Python"}, {"elsewhere": "1" * 32}])
def test_a_code_that_says_nothing_of_what_is_asked_is_no_proof(code):
    now = lambda one, before: {"step": "2" * 32}
    with pytest.raises(GradlabError, match="does not say with what code mine was measured; --force"):
        digests.require({"mine": code}, now, now, "results/mine", {"mine": ("step",)}, now)


def test_what_is_fitted_at_once_is_judged_by_the_code_that_it_has(monkeypatch):
    asked = Training("latch", cell="esn", remedies=("none",), T=(5,), hidden=8)
    [(arm, setting)] = work.by_place(asked).values()
    before = of_training.of_arm(asked, arm, setting)
    monkeypatch.setattr(
        type(setting.task), "error", lambda self, outputs, example: 2 * jnp.abs(outputs).sum()
    )
    monkeypatch.setattr(type(setting.task), "solved", 0.123)
    readout.evaluated.cache_clear()
    now = of_training.of_arm(asked, arm, setting)
    readout.evaluated.cache_clear()
    assert digests.changed(before, now) == ["evaluation", "solved"]
    assert {"fitting", "profile", "initialiser"} <= before.keys()


@pytest.mark.slow
def test_an_initialiser_is_in_the_code_of_an_arm_drawn_as_it_is():
    asked = Training("latch", remedies=("orthogonal", "critical"), T=(5,), hidden=16)
    of = lambda place: of_training.of_arm(asked, work.ready(asked, *every[place]), every[place][1])
    every = work.by_place(asked)
    plain, other, fitted = (of(f"{arm} at T = 5") for arm in ("none", "orthogonal", "critical"))
    assert len({one["initialiser"] for one in (plain, other, fitted)}) == 3
    # All else of the arms is the same.
    assert plain | {"initialiser": ""} == other | {"initialiser": ""} == fitted | {"initialiser": ""}
