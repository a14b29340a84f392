"""What every task must do, each check a function of a task; names no member."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.errors import Exit, GradlabError
from gradlab.types import Example

COUNT = 2048
QUICK = {"xla_backend_optimization_level": 0}
"""These programs run for milliseconds: what counts is how soon they are compiled."""
FORMS = {"many to one", "many to many", "one to many"}


def buffers(task):
    """A T at which every check runs."""
    return task.least + 5


def varied(task):
    """The task with every length that it can have, or as it is if it has one length only."""
    return dataclasses.replace(task, shortest=task.least) if hasattr(task, "shortest") else task


@functools.cache
def draw(task, T, count):
    """Sequences from one key, as numpy arrays."""
    keys = jax.random.split(jax.random.key(7), count)
    sample = jax.jit(jax.vmap(lambda key: task.sample(key, T)), compiler_options=QUICK)
    return jax.tree.map(np.asarray, sample(keys))


def one(task, T):
    """One sequence, as JAX arrays."""
    return jax.tree.map(lambda leaf: jnp.asarray(leaf[0]), draw(task, T, 2))


def drawn(task):
    """Many sequences; skips where what the task needs is not installed."""
    try:
        return draw(task, buffers(task), COUNT)
    except GradlabError as error:
        if error.code is Exit.ENVIRONMENT:
            pytest.skip(str(error))
        raise


@functools.cache
def _judge(task):
    slope = jax.value_and_grad(task.loss)
    return jax.jit(
        jax.vmap(lambda outputs, example: (*slope(outputs, example), error_alone(task)(outputs, example)))
    )


def error_alone(task):
    """The error of a single sequence."""

    def error(outputs, example):
        return task.overall(jax.tree.map(lambda leaf: leaf[None], task.error(outputs, example)))

    return error


def judged(task, outputs, examples):
    """Losses, their gradients and errors of many sequences."""
    return jax.tree.map(np.asarray, _judge(task)(outputs, examples))


def classes(examples):
    return np.issubdtype(examples.target.dtype, np.integer)


def perfect(task, examples):
    """Outputs that are right, and infinite where they do not count."""
    right = 50 * np.eye(task.sizes[1])[examples.target] if classes(examples) else examples.target
    return np.where(examples.counted[..., None] > 0, right, np.inf)


def check_shapes_and_dtypes(task):
    T, (d_in, d_out) = buffers(task), task.sizes
    drawn(varied(task))
    for bits in (32, 64):
        with jax.enable_x64(bits == 64):
            example = jax.eval_shape(lambda key: task.sample(key, T), jax.random.key(0))
            outputs = jax.ShapeDtypeStruct((T, d_out), jnp.dtype(f"float{bits}"))
            judged = [jax.eval_shape(judge, outputs, example) for judge in (task.loss, error_alone(task))]
        assert isinstance(example, Example)
        assert example.xs.shape == (T, d_in)
        assert example.target.shape in ((T,), (T, d_out))
        assert example.counted.shape == (T,)
        assert {leaf.dtype for leaf in example} <= {jnp.dtype(f"float{bits}"), jnp.dtype(f"int{bits}")}
        assert example.xs.dtype == example.counted.dtype == jnp.dtype(f"float{bits}")
        assert jnp.issubdtype(example.target.dtype, jnp.integer) == (example.target.ndim == 1)
        assert [(j.shape, j.dtype) for j in judged] == [((), jnp.dtype(f"float{bits}"))] * 2


def check_float32_outputs_meet_float64_examples(task):
    example = jax.tree.map(lambda leaf: leaf[0], drawn(varied(task)))
    outputs = jax.ShapeDtypeStruct((buffers(task), task.sizes[1]), jnp.float32)
    for judge in (task.loss, error_alone(task)):
        assert jax.eval_shape(judge, outputs, example).dtype == jnp.float32


def check_a_batch_is_a_loop_over_keys(task):
    task = varied(task)
    batch = drawn(task)
    sample = jax.jit(lambda key: task.sample(key, buffers(task)), compiler_options=QUICK)
    for b, key in enumerate(jax.random.split(jax.random.key(7), COUNT)[:3]):
        for together, alone, again in zip(batch, sample(key), sample(key), strict=True):
            np.testing.assert_allclose(together[b], alone, rtol=1e-12, atol=1e-13)
            np.testing.assert_array_equal(alone, again)


def check_keys_differ(task):
    rows = drawn(varied(task)).xs.reshape(COUNT, -1)
    assert len(np.unique(rows, axis=0)) > 10


def check_lengths(task):
    T, possible = buffers(task), set(range(task.least, buffers(task) + 1))
    lengths = set(drawn(varied(task)).length.tolist())
    if hasattr(task, "shortest"):
        assert lengths == possible
        assert jax.jit(lambda key: task.sample(key, T).length)(jax.random.key(1)) == T
    else:
        assert len(lengths) == 1
        assert lengths <= possible


def check_nothing_lies_beyond_the_length(task):
    examples = drawn(varied(task))
    t = np.arange(buffers(task))
    beyond = t >= examples.length[:, None]
    assert not examples.xs[beyond].any()
    assert not examples.counted[beyond].any()
    for leaf in examples:
        assert np.isfinite(leaf).all()


def check_form_is_what_goes_in_and_what_counts(task):
    examples = drawn(varied(task))
    counted, length = examples.counted, examples.length
    assert set(np.unique(counted)) <= {0.0, 1.0}
    assert task.form in FORMS
    if task.form == "many to one":
        np.testing.assert_array_equal(counted, np.eye(buffers(task))[length - 1])
    else:
        assert (counted.sum(axis=1) >= 1).all()
        assert (counted[np.arange(COUNT), length - 1] == 1).all()
        assert (counted.sum(axis=1) > 1).any()
    goes_in = examples.xs.any(axis=(0, 2))
    assert goes_in[0]
    assert goes_in[1:].any() == (task.form != "one to many")


def check_right_answers(task):
    examples = drawn(varied(task))
    losses, _, errors = judged(varied(task), perfect(task, examples), examples)
    assert abs(losses).max() < 1e-12
    assert errors.max() < 1e-12


def check_wrong_answers(task):
    examples = drawn(varied(task))
    right = perfect(task, examples)
    wrong = np.roll(right, 1, axis=-1) if classes(examples) else right + 100
    losses, _, errors = judged(varied(task), wrong, examples)
    assert losses.min() > 10
    assert (errors == 1).all() if classes(examples) else (errors > task.solved).all()
    _, _, errors = judged(varied(task), np.full_like(right, np.nan), examples)
    assert not (errors <= task.solved).any()


def check_gradient_reaches_the_counted_steps_alone(task):
    examples = drawn(varied(task))
    outputs = np.where(examples.counted[..., None] > 0, 0.123, np.inf) * np.ones(task.sizes[1])
    _, slopes, _ = judged(varied(task), outputs, examples)
    assert np.isfinite(slopes).all()
    np.testing.assert_array_equal(slopes.any(axis=2), examples.counted > 0)


def check_chance_is_the_best_that_a_clock_can_do(task):
    """A prediction fitted to step and length, blind to the inputs, reaches the stated loss.

    It is fitted on the sequences that judge it, so it may come out better by (free numbers) / (sequences);
    a chance level that is itself measured has an error of its own.
    """
    task = varied(task)
    T, K = buffers(task), task.sizes[1]
    examples = drawn(task)
    length, target = examples.length, examples.target
    answers = np.eye(K)[target] if classes(examples) else target
    outputs = np.zeros((COUNT, T, K))
    chance = task.chance(T)
    free = 0.0
    for each in set(length.tolist()):
        mean = answers[length == each].mean(axis=0)
        outputs[length == each] = np.log(np.maximum(mean, 1e-12)) if classes(examples) else mean
        asked = (examples.counted[length == each] > 0).any(axis=0)
        seen = (mean[asked] > 0).sum(axis=-1).mean()
        free += ((seen - 1) / 2 if classes(examples) else chance) / COUNT
    losses, _, _ = judged(task, outputs, examples)
    off = losses.mean() + free - chance
    assert abs(off) <= 5 * losses.std() / np.sqrt(COUNT) + 0.6 * free + 1e-12, (losses.mean(), chance, free)


def check_too_short(task):
    drawn(varied(task))
    sample = lambda task, T: jax.eval_shape(lambda key: task.sample(key, T), jax.random.key(0))
    sample(task, task.least)
    for T in (task.least - 1, 0, -3):
        for ask in (sample, type(task).chance):
            with pytest.raises(GradlabError, match=f"^-T: {T} is .*the least T is {task.least}") as caught:
                ask(task, T)
            assert caught.value.code is Exit.USAGE
    if hasattr(task, "shortest"):
        longer = dataclasses.replace(task, shortest=task.least + 3)
        with pytest.raises(GradlabError, match=f"the least T is {task.least + 3}"):
            sample(longer, task.least + 2)
        for shortest in {task.least - 1, -1} - {0}:
            with pytest.raises(ValueError, match=f"shortest={shortest} must be 0 .* or >= {task.least}"):
                dataclasses.replace(task, shortest=shortest)


def check_facts(task):
    assert dataclasses.is_dataclass(task)
    with pytest.raises(dataclasses.FrozenInstanceError):
        task.anything = 1
    assert hash(task) == hash(dataclasses.replace(task))
    assert task.least >= 1
    assert min(task.sizes) >= 1
    assert 0 <= task.solved < 1
    assert "Reference:" in type(task).__doc__


CHECKS = {name.removeprefix("check_"): check for name, check in vars().items() if name.startswith("check_")}
