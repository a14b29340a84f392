"""The contracts of tasks: somebody's right task keeps them, and each is broken by a task that breaks it."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab import testing
from gradlab.errors import GradlabError
from gradlab.testing import tasks
from gradlab.types import Example, Task
from tests.members import told


@dataclasses.dataclass(frozen=True)
class First(Task):
    """A task of another package: give the first input back at the last step."""

    shortest: int = 0

    form = "many to one"
    sizes = (1, 1)
    least = 2
    solved = 0.01

    def __post_init__(self):
        if self.shortest and self.shortest < self.least:
            raise ValueError(f"shortest={self.shortest} must be 0 or at least {self.least}")

    def held(self, T):
        least = max(self.least, self.shortest)
        if least > T:
            raise GradlabError("-T", f"{T} is less than {least}")

    def sample(self, key, T):
        self.held(T)
        key_length, key_x = jax.random.split(key)
        length = jax.random.randint(key_length, (), self.shortest or T, T + 1)
        t = jnp.arange(T)
        xs = jnp.where(t < length, jax.random.normal(key_x, (T,), float), 0.0)[:, None]
        target = jnp.broadcast_to(xs[:1], (T, 1))
        return Example(xs, target, (t == length - 1).astype(float), length)

    def loss(self, outputs, example):
        counts = example.counted[:, None] > 0
        misses = jnp.where(counts, outputs - example.target.astype(outputs.dtype), 0.0)
        return (misses**2).sum() / example.counted.sum().astype(outputs.dtype)

    def error(self, outputs, example):
        return self.loss(outputs, example)

    def chance(self, T):
        self.held(T)
        return 1.0


def test_a_right_task_keeps_them():
    testing.check_task(First())
    names = [repr(check) for check in testing.task_checks(First())]
    assert names == [contract.__name__ for contract in (*testing.TASK, *tasks.OF_SEVERAL_LENGTHS)]


@dataclasses.dataclass(unsafe_hash=True)
class Open:
    least: int = 2


class Formless(First):
    form = "many to few"


class Narrow(First):
    def sample(self, key, T):
        example = super().sample(key, T)
        return example._replace(xs=example.xs.astype(jnp.float32))


class Wide(First):
    def loss(self, outputs, example):
        return super().loss(outputs.astype(float), example)


class Unseeded(First):
    def sample(self, key, T):
        example = super().sample(key, T)
        return example._replace(xs=example.xs + np.random.default_rng().standard_normal())


class Deaf(First):
    def sample(self, key, T):
        return super().sample(jax.random.key(0), T)


class Long(First):
    def sample(self, key, T):
        example = super().sample(key, T)
        return example._replace(xs=example.xs.at[-1].set(1.0))


class Twice(First):
    def sample(self, key, T):
        example = super().sample(key, T)
        return example._replace(counted=example.counted.at[0].set(1.0))


class Offset(First):
    def loss(self, outputs, example):
        return super().loss(outputs + 0.1, example)


class Generous(First):
    def error(self, outputs, example):
        return 0.0 * jnp.nan_to_num(super().error(outputs, example))


class Masked(First):
    def loss(self, outputs, example):
        misses = (outputs - example.target) * example.counted[:, None]
        return (misses**2).sum() / example.counted.sum()


class Proud(First):
    def chance(self, T):
        return 1.2 * super().chance(T)


class Patient(First):
    def held(self, T):
        pass

    def sample(self, key, T):
        return super().sample(key, max(T, 1))


class Short(First):
    def sample(self, key, T):
        example = super().sample(key, T)
        return example._replace(length=jnp.minimum(example.length, T - 1))


class Careless(First):
    def __post_init__(self):
        pass


@dataclasses.dataclass(frozen=True)
class Uneven(Task):
    """Sequences of several lengths, and no setting that says so."""

    form, sizes, least, solved = First.form, First.sizes, First.least, First.solved
    sample = First(shortest=2).sample


FAULTS = {
    "settings_are_frozen_and_told_apart": (Open, "setting an attribute is accepted"),
    "facts_are_possible": (Formless, "many to few"),
    "examples_have_their_shapes_and_dtypes": (Narrow, "float32"),
    "float32_outputs_meet_float64_examples": (Wide, "the loss of float32 outputs is float64"),
    "a_batch_is_a_loop_over_keys": (Unseeded, "xs"),
    "keys_differ": (Deaf, "2048 keys draw 1 different inputs"),
    "nothing_lies_beyond_the_length": (Long, "an input beyond the length is not 0"),
    "form_is_what_goes_in_and_what_counts": (Twice, "many to one, and one step counts alone: False"),
    "right_answers_cost_nothing": (Offset, "the loss of right answers is 0.01"),
    "wrong_answers_are_wrong": (Generous, "the error of wrong answers is 0"),
    "gradient_reaches_the_counted_steps_alone": (Masked, "not finite"),
    "chance_is_the_best_that_a_clock_can_do": (Proud, "chance is 1.2"),
    "too_short_is_refused": (Patient, "with T = 1 is accepted"),
    "every_length_is_drawn": (Short, "the lengths are [2, 3, 4, 5, 6], not [2, 3, 4, 5, 6, 7]"),
    "shortest_is_held": (Careless, "shortest=1 is accepted"),
    "the_length_is_one": (Uneven, "and there is no setting shortest"),
}


@pytest.mark.parametrize("contract", FAULTS)
def test_a_task_that_breaks_one_is_told(contract):
    task, said = FAULTS[contract]
    assert said in told(testing.task_checks(task()), contract)


def test_every_contract_has_its_fault():
    contracts = (*testing.TASK, *tasks.OF_SEVERAL_LENGTHS, *tasks.OF_ONE_LENGTH)
    assert list(FAULTS) == [contract.__name__ for contract in contracts]
