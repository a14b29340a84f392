"""Remedies without their numbers: who shares a program, and that it computes what it did with them."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab import memory, registry
from gradlab.errors import GradlabError
from gradlab.studies.remedies import arms, compute, loop, losses, measure, plan, train, work
from gradlab.studies.remedies.settings import Training
from gradlab.types import Scalar
from tests.remedies.training import equal, setting, untrained

TINY = {
    "task": "adding",
    "T": (3,),
    "hidden": 2,
    "batch": 2,
    "updates": 2,
    "eval_every": 1,
    "eval_size": 4,
    "seeds": 2,
    "match": False,
}
SEVERAL = ("clip_norm(0.1)", "clip_norm(1)", "clip_norm(10)")


def programs(*remedies, **changed):
    """The arms of a comparison without the plain one, and the setting of the program of each."""
    made = work.by_place(Training(remedies=remedies, **TINY | changed))
    return [pair for place, pair in made.items() if not place.startswith("none ")]


def numbers(name):
    """The settings of a remedy that may be arrays."""
    member = registry.make("remedies", name).func
    return [key for key in registry.settings(member) if member.__annotations__[key] == Scalar]


NUMBERED = [name for name in registry.names("remedies") if numbers(name)]


def test_most_remedies_have_numbers():
    assert len(NUMBERED) == 13


@pytest.mark.parametrize("name", NUMBERED)
def test_arms_that_differ_in_numbers_alone_have_one_program(name):
    """Whatever the remedy: those of its settings that may be arrays are no part of what is compiled."""
    few, many = (f"{name}({', '.join(f'{key}={value}' for key in numbers(name))})" for value in (0.25, 0.5))
    (one, first), (other, second) = programs(few, many)
    assert (first, hash(first)) == (second, hash(second))
    assert one.numbers != other.numbers
    assert measure._program(one, 3) is measure._program(other, 3)


def test_other_settings_have_programs_of_their_own():
    pairs = programs("truncate(k=2)", "truncate(k=3)", "clip_norm", "clip_norm+truncate", "lstm+clip_norm")
    assert len({setting for _, setting in pairs}) == len(pairs)


def of_task(task):
    return work.by_place(Training(**TINY | {"task": task, "T": (6,)}))["none at T = 6"]


@pytest.mark.parametrize("name", ["adding(tolerance={})", "multiplication(tolerance={})", "latch(noise={})"])
def test_tasks_that_differ_in_numbers_alone_have_one_program(name):
    (_, one), (_, other) = (of_task(name.format(value)) for value in (0.02, 0.3))
    assert (one, hash(one)) == (other, hash(other))
    assert len(one.told) == 1


def test_a_network_has_the_numbers_of_its_task():
    asked = Training(**TINY | {"task": "latch(noise=0.3)", "T": (6,)})
    arm, of = of_task(asked.task)
    network = train.draw(asked, arm, of, [(1.0, 0.1, "test 0")])
    own = of.of(jax.tree.map(lambda leaf: leaf[0], network))
    assert (float(own.task.noise), own.told) == (0.3, ())
    assert work.whole(asked, of).task == registry.make("tasks", asked.task)
    keys = jax.random.split(jax.random.key(0), 2)
    found, wanted = (losses.sample(one, keys, jnp.float32).xs for one in (own, work.whole(asked, of)))
    np.testing.assert_array_equal(found, wanted)
    assert (found != losses.sample(of, keys, jnp.float32).xs).any()


DRAWN = ("lstm", "lstm+forget_bias(2)", "lstm+forget_bias(-1)", "lstm+chrono(9)", "lstm+gain(1.5)")


def test_arms_that_only_start_otherwise_have_one_program():
    """A bias, a time scale and a gain are drawn: what trains, judges and profiles a network reads none."""
    pairs = programs(*DRAWN)
    assert len({setting for _, setting in pairs}) == 1
    assert len({measure._program(arm, 3) for arm, _ in pairs}) == 1
    assert [arm.numbers for arm, _ in pairs] == [()] * len(DRAWN)
    spelled = [registry.spelling(arm.cell) for arm, _ in pairs]
    assert spelled == ["lstm", "lstm(forget_bias=2.0)", "lstm(forget_bias=-1.0)", "lstm(chrono=9.0)", "lstm"]


def test_and_they_start_otherwise_all_the_same():
    asked = Training(remedies=DRAWN, **TINY)
    biases = []
    for arm, of in programs(*DRAWN):
        network = train.draw(asked, arm, of, [(1.0, 0.1, "test 0")])
        biases.append(np.asarray(network.weights.cell.b[0, arm.cell.gates.index("f")]))
    assert biases[0].tolist() == biases[4].tolist() == [1.0, 1.0]
    assert (biases[1].tolist(), biases[2].tolist()) == ([2.0, 2.0], [-1.0, -1.0])
    assert (biases[3] != biases[0]).all()


def test_a_number_is_still_held_to_its_bounds():
    with pytest.raises(GradlabError, match="must be positive"):
        arms.arm("clip_norm(0)", "elman", "gaussian")


@pytest.mark.slow
def test_three_thresholds_at_three_learning_rates_compile_one_program(monkeypatch):
    """Counted in the cache of the jitted loop; it is not let go before the last of them."""
    released = []
    monkeypatch.setattr(memory, "release", lambda *, programs: released.append(programs))
    loop.program.cache_clear()
    comparison = Training(remedies=SEVERAL, lr=(0.1, 0.01, 0.001), tuning=1, **TINY)
    found = list(compute.run(comparison))
    assert [one.arm for one in found] == [
        "none",
        "clip_norm(threshold=0.1)",
        "clip_norm",
        "clip_norm(threshold=10.0)",
    ]
    assert released == [True, False, False, True]
    used = {setting for _, setting in work.by_place(comparison).values()}
    assert len(used) == 2
    assert loop.program.cache_info().currsize == 2
    assert [loop.program(setting, 1).jitted._cache_size() for setting in used] == [1, 1]


@pytest.mark.slow
def test_biases_and_time_scales_compile_one_program():
    loop.program.cache_clear()
    comparison = Training(cell="lstm", remedies=("forget_bias(2)", "chrono(9)"), lr=(0.1,), **TINY)
    found = list(compute.run(comparison))
    assert [one.cell for one in found] == ["lstm", "lstm(forget_bias=2.0)", "lstm(chrono=9.0)"]
    (used,) = {setting for _, setting in work.by_place(comparison).values()}
    assert loop.program.cache_info().currsize == 1
    assert loop.program(used, 1).jitted._cache_size() == 1


def test_a_plan_compiles_what_arms_share_once():
    planned = plan.plan(Training(remedies=SEVERAL, **TINY))
    compiling = [
        piece.compiling > 0 for name, piece in planned.pieces.items() if name.endswith(": compiling")
    ]
    assert compiling == [True, True, False, False]


MIXED = "clip_norm(0.3)+clip_value(0.1)+adaptive_clip(0.05)+truncate(2)+clip_adjoint(0.2)+weight_clip(0.4)"


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_a_program_computes_what_it_did_with_the_numbers_in_it(dtype):
    arm = arms.arm(MIXED, "elman", "gaussian")
    found = []
    for remedy in (arm.remedy, arm.unnumbered):
        of = setting(remedy, T=4, hidden=3)
        one = untrained(of, dtype=dtype, numbers=arm.numbers)
        for _ in range(2):
            one, said = jax.jit(functools.partial(loop.update, of))(one)
        found.append((one.weights, said))
    equal(*found)
    assert bool(found[0][1]["changed"])
