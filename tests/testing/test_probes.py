"""The contracts of probes: a right one keeps them, and each is broken by one that breaks it."""

from types import SimpleNamespace
from typing import NamedTuple

import jax
import jax.numpy as jnp
import pytest

from gradlab import testing
from gradlab.testing.probes import CAPACITY, LENGTH
from tests.members import told

AXES = {"size": (), "sizes": ("step",)}
FACTS = {"size": {"meaning": "Norm of the last state", "limits": (0.0, 1e-5)}, "sizes": {"form": "{:.2f}"}}


class Columns(NamedTuple):
    size: jax.Array
    sizes: jax.Array


def right(step, params, state, xs, setup):
    """A probe of another package."""

    def body(state, x):
        state = step(params, state, x)
        return state, jnp.sqrt(sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(state)))

    _, sizes = jax.lax.scan(body, state, xs)
    return Columns(sizes[setup.length - 1], sizes)


def of_the_padding(step, params, state, xs, setup):
    sizes = right(step, params, state, xs, setup).sizes
    return Columns(sizes[-1], sizes)


def of_a_known_length(step, params, state, xs, setup):
    return right(step, params, state, xs, setup._replace(length=int(setup.length)))


def of_one_length(step, params, state, xs, setup):
    """It counts the steps that it is given, not those that count."""
    found = right(step, params, state, xs, setup)
    return found._replace(size=found.size * len(xs))


def narrow(step, params, state, xs, setup):
    return Columns(*(one.astype(jnp.float32) for one in right(step, params, state, xs, setup)))


def of_the_cell(step, params, state, xs, setup):
    found = right(step, params, state, xs, setup)
    return found if setup.cell is not None else found._replace(size=found.sizes)


def short(step, params, state, xs, setup):
    found = right(step, params, state, xs, setup)
    return found._replace(sizes=found.sizes[:LENGTH])


class Several(NamedTuple):
    several: jax.Array


def of_two_axes(first, second):
    """A probe of one column, as long along its axes as the LSTM of two units that is measured."""
    sizes = {"gate": 3, "unit": 2, "leaf": 3, "part": 3, "index": 4, "step": CAPACITY, "lag": CAPACITY + 1}

    def probe(step, params, state, xs, setup):
        return Several(jnp.zeros((sizes[first], sizes[second]), xs.dtype))

    return probe


class Hiding(NamedTuple):
    size: jax.Array
    sizes: jax.Array
    hidden: dict


def hiding(name, mark):
    """It says that rounding hides something: `mark` of the columns and the places that count."""

    def probe(step, params, state, xs, setup):
        found = right(step, params, state, xs, setup)
        return Hiding(*found, {name: mark(found, jnp.arange(len(xs), dtype=jnp.int32) < setup.length)})

    return probe


def states(axes=AXES, **facts):
    return SimpleNamespace(AXES=axes, FACTS=facts)


def test_a_right_probe_keeps_them():
    testing.check_probe(right)
    names = [repr(check) for check in testing.probe_checks(right)]
    assert names == [*(contract.__name__ for contract in testing.PROBE), "facts_are_read_and_not_run"]
    testing.check_probe(right, home=states(), cell="elman")
    testing.check_probe(hiding("sizes", lambda found, within: within & (found.sizes > 1)))


@pytest.mark.parametrize(
    ("probe", "home", "contract", "said"),
    [
        (
            right,
            states({"size": ()}),
            "columns_have_the_axes_that_it_states",
            "states size",
        ),
        (right, states(AXES | {"sizes": ()}), "columns_have_the_axes_that_it_states", "sizes has 1 axes"),
        (right, states(AXES | {"sizes": ("hour",)}), "columns_have_the_axes_that_it_states", "the axis hour"),
        (short, states(), "columns_have_the_axes_that_it_states", f"sizes has {LENGTH} entries along step"),
        (right, SimpleNamespace(), "columns_have_the_axes_that_it_states", "no AXES"),
        *(
            (hiding(name, mark), states(), "what_rounding_hides_is_marked_within_the_sequence", said)
            for name, mark, said in (
                ("mass", lambda found, within: within, "hides mass, which is none of its columns"),
                ("size", lambda found, within: within, "hides size in the shape (32,), and not ()"),
                ("size", lambda found, within: found.size * 0, "in float64, and not in True and False"),
                ("sizes", lambda found, within: ~within, "sizes is hidden beyond the last step"),
            )
        ),
        (right, states(mass={}), "facts_are_possible", "FACTS of mass"),
        (right, states(size={"units": "m"}), "facts_are_possible", "units is no fact"),
        (right, states(size={"limits": (1e-3,)}), "facts_are_possible", "absolute and relative"),
        (right, states(size={"form": "{:d}"}), "facts_are_possible", "does not write a number"),
        (right, states(size={"meaning": "the size"}), "facts_are_possible", "not with a capital"),
        (right, states(size={"meaning": "Its size."}), "facts_are_possible", "full stop"),
        (
            of_the_padding,
            states(),
            "what_lies_beyond_the_length_changes_nothing",
            "size depends",
        ),
        (of_a_known_length, states(), "one_program_serves_every_length", "needs to know setup.length"),
        (of_one_length, states(), "one_program_serves_every_length", "size of 27 steps padded to 32"),
        (narrow, states(), "precision_is_that_of_the_network", "size is float32 of a network of float64"),
        (of_the_cell, states(), "a_plain_function_has_the_same_columns", "size has other axes"),
    ],
)
def test_a_probe_that_breaks_one_is_told(probe, home, contract, said):
    assert said in told(testing.probe_checks(probe, home=home), contract)


@pytest.mark.parametrize(
    "axes", [("gate", "unit"), ("unit", "index"), ("step", "lag"), ("step", "gate"), ("lag", "part")]
)
def test_axes_in_another_order_are_told_and_those_in_order_are_not(axes):
    contract, probe = "columns_have_the_axes_that_it_states", of_two_axes(*axes)
    right, wrong = (states({"several": order}) for order in (axes, axes[::-1]))
    testing.check_probe(probe, home=right)
    said = told(testing.probe_checks(probe, home=wrong), contract)
    order = f"several has the axes {', '.join(axes)}, and states {', '.join(axes[::-1])}"
    assert order in said or "entries along " in said


def test_axes_that_are_as_long_as_each_other_are_taken_as_stated():
    for axes in (("gate", "leaf"), ("leaf", "gate"), ("gate", "part")):
        testing.check_probe(of_two_axes("gate", "leaf"), home=states({"several": axes}))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("FACTS = {'size': dict(unit='m')}", "FACTS of mine must be a literal"),
        ("FACTS = {'size': {'unit': 'm'}}\nFACTS['size']['unit'] = 'km'", "changed after it is stated"),
    ],
)
def test_facts_that_no_reader_would_find_are_told(tmp_path, text, said):
    file = tmp_path / "mine.py"
    file.write_text(text)
    home = SimpleNamespace(__file__=str(file), __name__="mine", AXES=AXES)
    exec(text, vars(home))
    assert said in told(testing.probe_checks(right, home=home), "facts_are_read_and_not_run")
