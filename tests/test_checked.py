"""Types are checked at every call, with shapes or without; a function without shapes is not checked twice."""

import importlib
import inspect
from typing import Any, TypeVar

import jax.numpy as jnp
import numpy as np
import pytest
from beartype import beartype
from beartype.roar import BeartypeCallHintParamViolation, BeartypeCallHintReturnViolation
from jaxtyping import Array, Float, PyTree, TypeCheckError

import gradlab.stats
from gradlab import cli, stats
from gradlab.escaping import plain
from gradlab.recurrence import powers, scaled
from gradlab.studies.sweep.settings import Sweep
from tests import checked

Vector = Float[Array, "n"]
Shaped, Plain = TypeVar("Shaped", bound=Vector), TypeVar("Plain", bound=int)


def taking(hint, back=None):
    def one(x):
        return x

    one.__annotations__ = {"x": hint, "return": back}
    return one


@pytest.mark.parametrize(
    "hint",
    [Vector, "Vector", PyTree, Vector | None, dict[str, tuple[Vector, ...]], Shaped, type[Vector], "Absent"],
)
def test_an_annotation_that_holds_a_shape_or_cannot_be_told_is_left_to_jaxtyping(hint):
    assert checked._shaped(taking(hint))
    assert checked._shaped(taking(int, hint))


@pytest.mark.parametrize("hint", [int, "int", Any, dict[str, list[float]], Plain, np.ndarray, None])
def test_any_other_is_checked_by_beartype_alone(hint):
    assert not checked._shaped(taking(hint))


def test_names_that_a_module_of_a_package_hides_are_left_to_jaxtyping():
    """`gradlab.cli.list` is a module, and beartype asks for an instance of it."""
    assert inspect.ismodule(importlib.import_module("gradlab.cli.list"))
    assert cli.execute(["list", "cells"]) == 0


def test_what_has_no_annotations_is_what_it_was():
    def plain(x):
        return x

    assert checked._checked(plain, typechecker=beartype) is plain


def test_arguments_and_what_is_given_back_are_checked_without_shapes():
    with pytest.raises(BeartypeCallHintParamViolation):
        stats.share_interval("three", 4)
    with pytest.raises(BeartypeCallHintParamViolation):
        plain([1, 2])
    wrong = checked._checked(taking(int, str), typechecker=beartype)
    with pytest.raises(BeartypeCallHintReturnViolation):
        wrong(1)


def test_shapes_are_held_to_each_other():
    def add(a: Float[Array, "n"], b: Float[Array, "n"]) -> Float[Array, "n"]:
        return jnp.concatenate([a, b])

    held = checked._checked(add, typechecker=beartype)
    with pytest.raises(TypeCheckError):
        held(jnp.zeros(2), jnp.zeros(3))
    with pytest.raises(TypeCheckError):
        held(jnp.zeros(2), jnp.zeros(2))
    with pytest.raises(TypeCheckError):
        powers.exponent(jnp.zeros((2, 2), complex))
    with pytest.raises(TypeCheckError):
        scaled.rescale(jnp.zeros(2), jnp.zeros(2, int))


def test_settings_are_checked_where_they_are_made():
    with pytest.raises(TypeCheckError):
        Sweep(hidden="three")


def test_every_function_of_a_module_is_one_or_the_other():
    """The hook has decorated gradlab: none of its functions that says a type is as it stands in its file."""
    own = [one for one in vars(gradlab.stats).values() if getattr(one, "__module__", "") == "gradlab.stats"]
    functions = [one for one in own if callable(one) and not isinstance(one, type)]
    functions = [one for one in functions if {*one.__annotations__.values()} - {Any}]
    assert len(functions) > 5
    assert all(hasattr(one, "__wrapped__") for one in functions)
