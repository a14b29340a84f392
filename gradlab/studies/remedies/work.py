"""What there is to do in a training: arms at each T, their stages, and the names that these have."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from gradlab import registry, tried
from gradlab.errors import GradlabError
from gradlab.studies.remedies import acting, arms, loop
from gradlab.studies.remedies import stages as names
from gradlab.studies.remedies.losses import sample
from gradlab.studies.remedies.networks import Setting
from gradlab.studies.remedies.settings import Training, place
from gradlab.studies.sweep.networks import stream


def by_place(
    comparison: Training, lengths: Sequence[int] | None = None
) -> dict[str, tuple[arms.Arm, Setting]]:
    """What is trained, or may be: every arm at every T, or at these."""
    tried.at(registry.make("tasks", comparison.task).sizes[0], comparison.hidden)
    found = {}
    for text in comparison.remedies:
        arm = arms.arm(text, comparison.cell, comparison.init)
        hidden = units(comparison, arm)
        for T in comparison.lengths if lengths is None else lengths:
            found[place(arm.label, T)] = arm, setting_of(comparison, arm, T, hidden)
    return found


def stages(comparison: Training, arm: arms.Arm) -> list[str]:
    """What is done for an arm at each T: the choice of a learning rate, if there is one, then every w_rec."""
    tuned = [] if arm.closed_form else tuning(comparison)
    return [*tuned, *(names.training(w_rec) for w_rec in comparison.w_rec)]


def tuning(comparison: Training) -> list[str]:
    """The names of the stages that choose a rate: of those given, then of others as far as they are tried."""
    return names.tuning(comparison.lr, widen=comparison.widen)


def kept_as(stage: str, rates: Sequence[float], until: int | None) -> str:
    """Under what name a stage is kept: in a race, each rung by itself, at the rates chosen by then."""
    if until is None:
        return stage
    return f"{stage}, lr {' and '.join(map(repr, rates))}, to {until}"


def piece(arm: arms.Arm, T: int, doing: str) -> str:
    """The name of a stage among all that is done."""
    return f"{place(arm.label, T)}: {doing}"


def of_program(comparison: Training, arm: arms.Arm, setting: Setting) -> dict[str, Any]:
    """What decides which programs an arm needs."""
    names = (
        "hidden",
        "batch",
        "eval_every",
        "eval_size",
        "seeds",
        "tuning",
        "lr",
        "optimizer",
        "precision",
    )
    own = {name: getattr(comparison, name) for name in names}
    return own | {
        "trains": place(str(arm.unnumbered), setting.T),
        "units": setting.hidden,
        "cell": str(setting.cell),
        "task": f"{comparison.task.partition('(')[0]}: {setting.task}",
    }


def evaluated_at(comparison: Training) -> NDArray[np.int64]:
    """The updates after which networks are evaluated."""
    return comparison.stride * np.arange(1, comparison.updates // comparison.stride + 1)


def units(comparison: Training, arm: arms.Arm) -> int:
    """Units of the arm's cell: as many as asked for, or as give the plain arm's number of weights."""
    if not comparison.match:
        return comparison.hidden
    sizes = registry.make("tasks", comparison.task).sizes
    base = registry.make("cells", comparison.cell)
    return arms.matched(arm.cell, sizes, arms.count(base, sizes, comparison.hidden))


def setting_of(comparison: Training, arm: arms.Arm, T: int, hidden: int) -> Setting:
    """What all networks of an arm at one T share."""
    task = registry.make("tasks", comparison.task)
    return Setting(
        acting.unnumbered(task),
        arms.undrawn(arm.cell),
        arm.unnumbered,
        T,
        hidden,
        comparison.batch,
        comparison.optimizer,
        comparison.stride,
        comparison.eval_size,
        acting.of_task(task),
    )


def whole(comparison: Training, setting: Setting) -> Setting:
    """The setting with the numbers of the task that was asked for."""
    return dataclasses.replace(setting, task=registry.make("tasks", comparison.task), told=())


def check(comparison: Training) -> None:
    """Refuse, before anything is drawn, an arm or a T that is not possible."""
    task = registry.make("tasks", comparison.task)
    tried.at(task.sizes[0], comparison.hidden)
    if min(comparison.T) < task.least:
        what = f"{min(comparison.T)} is too short for {comparison.task}; the least T is {task.least}"
        raise GradlabError("--target" if comparison.target else "-T", what)
    for option, values in (
        ("-T", comparison.T),
        ("--w-rec", comparison.w_rec),
        (arms.OPTION, [arms.arm(t, comparison.cell, comparison.init).label for t in comparison.remedies]),
    ):
        twice = [value for i, value in enumerate(values) if value in values[:i]]
        if twice:
            raise GradlabError(option, f"{twice[0]} is given twice; name each value once")
    for text in comparison.remedies:
        arm = arms.arm(text, comparison.cell, comparison.init)
        # What its user brings may have no other size than theirs.
        hidden = tried.sizes()[1] if ":" in f"{comparison.cell} {text}" else 4
        try:
            of = setting_of(comparison, arm, max(comparison.lengths), hidden)
            loop.try_out(of, learn=not arm.closed_form, numbers=arm.numbers)
        except ValueError as error:
            raise GradlabError(arms.OPTION, f"{arm.label} {error}") from error


def ready(comparison: Training, arm: arms.Arm, setting: Setting) -> arms.Arm:
    """The arm; an initialiser that depends on the cell is made for it and for the task's inputs."""
    if not hasattr(arm.initializer, "for_cell"):
        return arm
    keys = jax.random.split(stream(comparison.seed, "inputs", task=comparison.task), 32)
    xs = sample(whole(comparison, setting), keys, jnp.float32).xs
    std = float(jnp.sqrt(jnp.mean(xs**2)))
    return arm._replace(
        initializer=arm.initializer.for_cell(arm.cell, std, setting.task.sizes[0], setting.hidden)
    )
