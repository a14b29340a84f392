"""What the remedies of an arm do while a network is trained: together, and with their numbers left out."""

import copy
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, get_type_hints

import jax
import optax

from gradlab import registry
from gradlab.types import Remedy, Scalar, Step, Trajectory

TRAINING = ("gradients", "adjoint", "penalty", "project", "step")
"""Places of a remedy that act while a network is trained."""
Numbers = tuple[tuple[Any, ...], ...]
"""The numbers of each remedy."""


class Part(NamedTuple):
    """A remedy without its numbers: what makes it, their names, and its other settings."""

    factory: Callable[..., Remedy]
    names: tuple[str, ...]
    others: tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Unnumbered:
    """What remedies do together, of whatever numbers: arms that differ in numbers alone have equal ones."""

    parts: tuple[Part, ...]

    def __str__(self) -> str:
        return "+".join(f"{part.factory.__name__}{part.others or ''}" for part in self.parts)

    def of(self, numbers: Numbers) -> Remedy:
        """The remedies of these numbers, which may be traced."""
        made = []
        for part, own in zip(self.parts, numbers, strict=True):
            named = dict(zip(part.names, own, strict=True))
            made.append(part.factory(**dict(part.others), **named))
        return together(made)


@dataclass(frozen=True)
class Back:
    """The backward pass of a remedy whose numbers may be left out: as of them."""

    remedy: Remedy | Unnumbered

    def __call__(self, numbers: Numbers) -> Any:
        return of(self.remedy, numbers).adjoint


def of(remedy: Remedy | Unnumbered, numbers: Numbers) -> Remedy:
    """The remedy of these numbers, if it leaves them out; else itself."""
    return remedy.of(numbers) if isinstance(remedy, Unnumbered) else remedy


def apart(members: Sequence[functools.partial[Remedy]]) -> tuple[Unnumbered, Numbers]:
    """Remedies, as the registry makes them ready, without their numbers; and these."""
    parts, numbers = [], []
    for member in members:
        chosen = {name: setting.default for name, setting in registry.settings(member.func).items()}
        chosen |= member.keywords
        # A setting annotated so may be an array.
        hints = get_type_hints(member.func)
        names = tuple(name for name in chosen if hints.get(name) == Scalar)
        others = tuple((name, value) for name, value in chosen.items() if name not in names)
        parts.append(Part(member.func, names, others))
        numbers.append(tuple(chosen[name] for name in names))
    return Unnumbered(tuple(parts)), tuple(numbers)


def of_task(task: Any) -> tuple[str, ...]:
    """The settings of a task that may be arrays: annotated so."""
    hints = get_type_hints(type(task).__init__)
    return tuple(name for name, hint in hints.items() if hint == Scalar)


def numbered(task: Any, names: Sequence[str], numbers: Sequence[Any]) -> Any:
    """A task with these numbers, which may be traced: what made it has held them to their bounds."""
    if not names:
        return task
    made = copy.copy(task)
    for name, number in zip(names, numbers, strict=True):
        object.__setattr__(made, name, number)
    return made


def unnumbered(task: Any) -> Any:
    """A task with its numbers at their defaults: those that differ in them alone have equal ones."""
    names, settings = of_task(task), registry.settings(type(task))
    return numbered(task, names, [settings[name].default for name in names])


def together(remedies: Sequence[Remedy]) -> Remedy:
    """What several remedies do while training."""
    gradients = [remedy.gradients for remedy in remedies if remedy.gradients is not None]
    penalties = [remedy.penalty for remedy in remedies if remedy.penalty is not None]
    adjoints = [remedy.adjoint for remedy in remedies if remedy.adjoint is not None]
    projections = [remedy.project for remedy in remedies if remedy.project is not None]
    steps = [remedy.step for remedy in remedies if remedy.step is not None]
    return Remedy(
        gradients=optax.chain(*gradients) if gradients else None,
        penalty=_sum(penalties) if penalties else None,
        adjoint=_one_after_another(adjoints) if adjoints else None,
        project=_projected(projections) if projections else None,
        step=_stepped(steps) if steps else None,
    )


def _projected(projections: list[Callable[[Any], Any]]) -> Callable[[Any], Any]:
    return lambda params: functools.reduce(lambda params, project: project(params), projections, params)


def _stepped(changes: list[Callable[[Step, Any, Any], Step]]) -> Callable[[Step, Any, Any], Step]:
    def change(step: Step, key: Any, t: Any) -> Step:
        for i, one in enumerate(changes):
            step = one(step, jax.random.fold_in(key, i), t)
        return step

    return change


def _sum(penalties: list[Callable[[Trajectory], Any]]) -> Callable[[Trajectory], Any]:
    return lambda trail: sum(penalty(trail) for penalty in penalties)


def _one_after_another(changes: list[Callable[[Any, Any], Any]]) -> Callable[[Any, Any], Any]:
    def change(lag: Any, sent: Any) -> Any:
        for one in changes:
            sent = one(lag, sent)
        return sent

    return change
