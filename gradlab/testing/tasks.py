"""Contracts of tasks: what every task must do, ours and other people's."""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gradlab import registry
from gradlab.errors import Exit, GradlabError
from gradlab.studies.remedies import acting
from gradlab.testing._held import Check, Contract, checks, hold, refusal
from gradlab.testing.sequences import (
    COUNT,
    QUICK,
    buffers,
    classes,
    drawn,
    empty,
    error_alone,
    judged,
    perfect,
    shape,
    varied,
)
from gradlab.types import Example

FORMS = {"many to one", "many to many", "one to many"}


def task_checks(task: Any) -> list[Check]:
    """The contracts of a task, one callable each: of an object, or by its spelling.

    A check raises the task's own GradlabError where it lacks what it needs, such as a package.
    """
    made = registry.make("tasks", task) if isinstance(task, str) else task
    several = hasattr(made, "shortest")
    numbered = [numbers_may_be_arrays_and_are_no_facts] if acting.of_task(made) else []
    return checks([*TASK, *numbered, *(OF_SEVERAL_LENGTHS if several else OF_ONE_LENGTH)], made)


def check_task(task: Any) -> None:
    """Hold a task to all its contracts.

    Raises:
      AssertionError: for the first that does not hold.
    """
    hold(task_checks(task))


def settings_are_frozen_and_told_apart(task: Any) -> None:
    """A task is a frozen dataclass of settings: equal ones have one hash, and share a program."""
    assert dataclasses.is_dataclass(task), f"{type(task).__name__} is no dataclass"
    refusal(lambda: setattr(task, "anything", 1), dataclasses.FrozenInstanceError, "setting an attribute")
    again = dataclasses.replace(task)  # type: ignore[type-var]
    assert again == task, "a task made again is not equal to it"
    assert hash(again) == hash(task), "equal tasks have two hashes"


def facts_are_possible(task: Any) -> None:
    """`form` is one of three, `least` and `sizes` are at least 1, `solved` is a share below 1."""
    assert task.form in FORMS, f"form is {task.form!r}, not one of {sorted(FORMS)}"
    assert task.least >= 1, f"least is {task.least}"
    assert min(task.sizes) >= 1, f"sizes are {task.sizes}"
    assert 0 <= task.solved < 1, f"solved is {task.solved}, not in [0, 1)"


def numbers_may_be_arrays_and_are_no_facts(task: Any) -> None:
    """A setting annotated `Scalar` may be traced in `sample`, `loss` and `error`, and is read by no fact."""
    T, names = buffers(task), acting.of_task(task)
    outputs = empty((T, task.sizes[1]), jnp.float32)

    def facts(one: Any) -> tuple[Any, ...]:
        return one.form, one.least, one.sizes, one.solved, one.chance(T)

    def used(numbers: Any, outputs: Any) -> Any:
        one = acting.numbered(task, names, numbers)
        example = one.sample(jax.random.key(0), T)
        return example, one.loss(outputs, example), one.error(outputs, example)

    own = [jnp.asarray(getattr(task, name), float) for name in names]
    assert jax.tree.leaves(jax.eval_shape(used, own, outputs)), "a task without an example"
    for name in names:
        other = acting.numbered(task, (name,), (0.5 * getattr(task, name),))
        assert facts(other) == facts(task), f"{name} changes a fact of the task: annotate it float"


def examples_have_their_shapes_and_dtypes(task: Any) -> None:
    """Inputs, targets, weights of steps, loss and error have the shapes of `Example`, in both precisions."""
    T, (d_in, d_out) = buffers(task), task.sizes
    for bits in (32, 64):
        real, whole = jnp.dtype(f"float{bits}"), jnp.dtype(f"int{bits}")
        with jax.enable_x64(bits == 64):
            example = shape(task, T)
            assert isinstance(example, Example), f"sample returns a {type(example).__name__}"
            outputs = empty((T, d_out), real)
            values = [jax.eval_shape(judge, outputs, example) for judge in (task.loss, error_alone(task))]
        assert example.xs.shape == (T, d_in), f"xs has the shape {example.xs.shape}"
        assert example.target.shape in ((T,), (T, d_out)), f"target has the shape {example.target.shape}"
        assert example.counted.shape == (T,), f"counted has the shape {example.counted.shape}"
        kinds = {key: leaf.dtype for key, leaf in example._asdict().items()}
        assert set(kinds.values()) <= {real, whole}, f"of {bits} bits the dtypes are {kinds}"
        assert kinds["xs"] == kinds["counted"] == real, f"xs and counted are not {real}: {kinds}"
        a_class = bool(jnp.issubdtype(kinds["target"], jnp.integer))
        assert a_class == (example.target.ndim == 1), "targets are whole (T,) or real (T, outputs)"
        found = [(value.shape, value.dtype) for value in values]
        assert found == [((), real)] * 2, f"loss and error are {found}"


def float32_outputs_meet_float64_examples(task: Any) -> None:
    """Loss and error have the precision of the outputs, whatever that of the example."""
    outputs = empty((buffers(task), task.sizes[1]), jnp.float32)
    example = shape(varied(task), buffers(task))
    for name, judge in (("loss", task.loss), ("error", error_alone(task))):
        found = jax.eval_shape(judge, outputs, example).dtype
        assert found == jnp.float32, f"the {name} of float32 outputs is {found}"


def a_batch_is_a_loop_over_keys(task: Any) -> None:
    """A key decides its sequence, alone or in a batch."""
    task = varied(task)
    batch = drawn(task)
    sample = jax.jit(lambda key: task.sample(key, buffers(task)), compiler_options=QUICK)
    for b, key in enumerate(jax.random.split(jax.random.key(7), COUNT)[:3]):
        for name, together, alone, again in zip(
            Example._fields, batch, sample(key), sample(key), strict=True
        ):
            np.testing.assert_allclose(together[b], alone, rtol=1e-12, atol=1e-13, err_msg=name)
            np.testing.assert_array_equal(alone, again, err_msg=name)


def keys_differ(task: Any) -> None:
    """Different keys draw different inputs."""
    rows = np.asarray(drawn(varied(task)).xs).reshape(COUNT, -1)
    different = len(np.unique(rows, axis=0))
    assert different > 10, f"{COUNT} keys draw {different} different inputs"


def nothing_lies_beyond_the_length(task: Any) -> None:
    """Beyond `length` inputs are zeros and no step counts; every number is finite."""
    examples = drawn(varied(task))
    beyond = np.arange(buffers(task)) >= np.asarray(examples.length)[:, None]
    assert not np.asarray(examples.xs)[beyond].any(), "an input beyond the length is not 0"
    assert not np.asarray(examples.counted)[beyond].any(), "a step beyond the length counts"
    for name, leaf in examples._asdict().items():
        assert np.isfinite(leaf).all(), f"{name} is not finite"


def form_is_what_goes_in_and_what_counts(task: Any) -> None:
    """`form` says at which steps inputs come and answers count; the last step always counts."""
    examples = drawn(varied(task))
    counted, length = np.asarray(examples.counted), np.asarray(examples.length)
    assert set(np.unique(counted)) <= {0.0, 1.0}, "counted holds other numbers than 0 and 1"
    assert (counted[np.arange(COUNT), length - 1] == 1).all(), "the last step of a sequence does not count"
    alone = bool((counted.sum(axis=1) == 1).all())
    assert alone == (task.form == "many to one"), f"{task.form}, and one step counts alone: {alone}"
    goes_in = np.atleast_1d(np.asarray(examples.xs).any(axis=(0, 2)))
    assert goes_in[0], "nothing goes in at the first step"
    later = bool(goes_in[1:].any())
    assert later == (task.form != "one to many"), f"{task.form}, and inputs after the first step: {later}"


def right_answers_cost_nothing(task: Any) -> None:
    """Loss and error of the target itself are 0, whatever is put out at steps that do not count."""
    task = varied(task)
    examples = drawn(task)
    losses, _, errors = judged(task, perfect(task, examples), examples)
    assert abs(losses).max() < 1e-12, f"the loss of right answers is {abs(losses).max():.3g}"
    assert errors.max() < 1e-12, f"the error of right answers is {errors.max():.3g}"


def wrong_answers_are_wrong(task: Any) -> None:
    """Wrong answers have a large loss and do not solve the task; neither do answers that are NaN."""
    task = varied(task)
    examples = drawn(task)
    right = perfect(task, examples)
    wrong = np.roll(right, 1, axis=-1) if classes(examples) else right + 100
    losses, _, errors = judged(task, wrong, examples)
    assert losses.min() > 10, f"the loss of wrong answers is {losses.min():.3g}"
    told = errors == 1 if classes(examples) else errors > task.solved
    assert told.all(), f"the error of wrong answers is {errors.min():.3g}"
    _, _, errors = judged(task, np.full_like(right, np.nan), examples)
    assert not (errors <= task.solved).any(), "answers that are NaN solve the task"


def gradient_reaches_the_counted_steps_alone(task: Any) -> None:
    """The gradient of the loss is finite, and zero exactly where a step does not count."""
    task = varied(task)
    examples = drawn(task)
    counted = np.asarray(examples.counted)
    outputs = np.where(counted[..., None] > 0, 0.123, np.inf) * np.ones(task.sizes[1])
    _, slopes, _ = judged(task, outputs, examples)
    assert np.isfinite(slopes).all(), "the gradient of the loss is not finite"
    np.testing.assert_array_equal(slopes.any(axis=2), counted > 0, err_msg="steps with a gradient")


def chance_is_the_best_that_a_clock_can_do(task: Any) -> None:
    """A prediction fitted to step and length, blind to the inputs, reaches the stated loss.

    It is fitted on the sequences that judge it, so it may come out better by (free numbers) / (sequences);
    a chance level that is itself measured has an error of its own.
    """
    task = varied(task)
    T, K = buffers(task), task.sizes[1]
    examples = drawn(task)
    length, target = np.asarray(examples.length), np.asarray(examples.target)
    counted = np.asarray(examples.counted)
    answers = np.eye(K)[target] if classes(examples) else target
    outputs = np.zeros((COUNT, T, K))
    chance = task.chance(T)
    free = 0.0
    for each in set(length.tolist()):
        mean = answers[length == each].mean(axis=0)
        outputs[length == each] = np.log(np.maximum(mean, 1e-12)) if classes(examples) else mean
        asked = (counted[length == each] > 0).any(axis=0)
        seen = (mean[asked] > 0).sum(axis=-1).mean()
        free += ((seen - 1) / 2 if classes(examples) else chance) / COUNT
    losses, _, _ = judged(task, outputs, examples)
    off = losses.mean() + free - chance
    most = 5 * losses.std() / np.sqrt(COUNT) + 0.6 * free + 1e-12
    assert abs(off) <= most, f"chance is {chance:.6g}, and a clock's loss {losses.mean() + free:.6g}"


def too_short_is_refused(task: Any) -> None:
    """Below `least`, `sample` and `chance` raise a GradlabError of `-T` that says what the least T is."""
    shape(task, task.least)
    for T in (task.least - 1, 0, -3):
        asked = {"sample": lambda T=T: shape(task, T), "chance": lambda T=T: task.chance(T)}
        for name, ask in asked.items():
            _names_the_least(refusal(ask, GradlabError, f"{name} with T = {T}"), T, task.least)


def every_length_is_drawn(task: Any) -> None:
    """With `shortest` every length from there to T comes up; without it each sequence has T steps."""
    T = buffers(task)
    lengths, possible = set(np.asarray(drawn(varied(task)).length).tolist()), set(range(task.least, T + 1))
    assert lengths == possible, f"the lengths are {sorted(lengths)}, not {sorted(possible)}"
    whole = dataclasses.replace(task, shortest=0)
    length = jax.jit(lambda key: whole.sample(key, T).length, compiler_options=QUICK)(jax.random.key(1))
    assert length == T, f"the length is {length} where shortest is 0 and T is {T}"


def shortest_is_held(task: Any) -> None:
    """No T below `shortest` is possible, and no `shortest` below `least` but 0."""
    longer = dataclasses.replace(task, shortest=task.least + 3)
    error = refusal(lambda: shape(longer, task.least + 2), GradlabError, "T below shortest")
    _names_the_least(error, task.least + 2, task.least + 3)
    for shortest in {task.least - 1, -1} - {0}:
        made = functools.partial(dataclasses.replace, task, shortest=shortest)
        words = str(refusal(made, ValueError, f"shortest={shortest}"))
        assert f"shortest={shortest}" in words, f"the error says {words!r}"
        assert str(task.least) in words, f"the error says {words!r}"


def the_length_is_one(task: Any) -> None:
    """A task without `shortest` has one length at each T."""
    lengths = set(np.asarray(drawn(task).length).tolist())
    assert len(lengths) == 1, f"the lengths are {sorted(lengths)}, and there is no setting shortest"
    assert task.least <= min(lengths) <= buffers(task), f"the length is {min(lengths)}"


def _names_the_least(error: GradlabError, T: int, least: int) -> None:
    assert (error.where, error.code) == ("-T", Exit.USAGE), f"the error is about {error.where}: {error.what}"
    for number in (T, least):
        assert str(number) in error.what, f"the error does not name {number}: {error.what}"


TASK: tuple[Contract, ...] = (
    settings_are_frozen_and_told_apart,
    facts_are_possible,
    examples_have_their_shapes_and_dtypes,
    float32_outputs_meet_float64_examples,
    a_batch_is_a_loop_over_keys,
    keys_differ,
    nothing_lies_beyond_the_length,
    form_is_what_goes_in_and_what_counts,
    right_answers_cost_nothing,
    wrong_answers_are_wrong,
    gradient_reaches_the_counted_steps_alone,
    chance_is_the_best_that_a_clock_can_do,
    too_short_is_refused,
)
"""Contracts of every task."""
OF_SEVERAL_LENGTHS: tuple[Contract, ...] = (every_length_is_drawn, shortest_is_held)
"""Contracts of a task with a setting `shortest`."""
OF_ONE_LENGTH: tuple[Contract, ...] = (the_length_is_one,)
"""Contracts of a task without."""
