"""Contracts of probes: what every one must do, ours and other people's."""

import functools
import itertools
import sys
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gradlab import registry
from gradlab.probes import marked
from gradlab.quantities import fault
from gradlab.recurrence.objectives import draw_target, objective
from gradlab.recurrence.projections import Gradient
from gradlab.recurrence.scaled import Norm, log10_norm
from gradlab.recurrence.trees import has_gradient, split
from gradlab.studies.norms import FURTHER
from gradlab.studies.sweep.columns import TIMES
from gradlab.studies.sweep.probing import misplaced
from gradlab.testing._held import Check, Contract, checks, hold
from gradlab.testing.networks import D, gaussian, key
from gradlab.types import ProbeContext

Tree = Any
UNITS, CAPACITY, LENGTH = 2, 32, 27
"""Of the network that is measured, of whose steps the last few are padding."""


class Probed:
    """A probe, what its file states, and what it measures of one network."""

    def __init__(self, measure: Any, home: Any, cell: Any) -> None:
        self.measure, self.home, self.cell = measure, home, registry.make("cells", cell)

    @functools.cached_property
    def axes(self) -> dict[str, tuple[str, ...]]:
        """Of each column, as stated."""
        assert hasattr(self.home, "AXES"), "the file states no AXES"
        found: dict[str, tuple[str, ...]] = self.home.AXES
        return found

    @functools.cached_property
    def traced(self) -> Any:
        """The program that serves every length."""
        return jax.jit(self.columns)

    @functools.cached_property
    def sizes(self) -> dict[str, int]:
        """How long each axis of a column usually is."""
        params, state, xs = self.network()
        gates = jax.eval_shape(self.cell.gate_values, params, state, xs[0])
        numbers = [leaf.size for leaf in jax.tree.leaves(split(state)[0])]
        whole = {"part": 1 + len(numbers) * (len(numbers) > 1), "index": sum(numbers), "delay": 4 * UNITS}
        times = dict.fromkeys(TIMES, CAPACITY) | {"lag": CAPACITY + 1}
        counts = {"gate": len(gates) or 1, "unit": UNITS, "leaf": len(jax.tree.leaves(split(params)[0]))}
        return dict.fromkeys(FURTHER, 0) | whole | times | counts

    def network(self, dtype: Any = np.float64, other: int = 0) -> tuple[Tree, Tree, Any]:
        """Parameters, a state and inputs, whose padding differs with `other`."""
        key_init, key_x, key_pad = jax.random.split(key(), 3)
        params, state = self.cell.init(key_init, D, UNITS, 0.9, gaussian)
        xs = jax.random.normal(key_x, (CAPACITY, D), float)
        pad = jax.random.normal(jax.random.fold_in(key_pad, other), (CAPACITY - LENGTH, D), float)
        made: tuple[Tree, Tree, Any] = jax.tree.map(
            lambda leaf: leaf.astype(dtype) if has_gradient(leaf) else leaf,
            (params, state, xs.at[LENGTH:].set(pad)),
        )
        return made

    def columns(
        self, params: Tree, state: Tree, xs: Any, *, length: Any, plain: bool = False
    ) -> dict[str, Any]:
        """What it gives of so many steps; `plain` of a step function that belongs to no cell."""
        return self.given(params, state, xs, length=length, plain=plain)[0]

    def given(
        self, params: Tree, state: Tree, xs: Any, *, length: Any, plain: bool = False
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Its columns, and where it says that rounding hides a value of them."""
        target = draw_target("unit", key(), state, self.cell.readout)
        loss = objective("unit", target, self.cell.readout)
        recurrent, cell = (None, None) if plain else (self.cell.recurrent, self.cell)
        setup = ProbeContext(loss, recurrent, length, cell=cell)
        found = self.measure(self.cell.step, params, state, xs, setup)
        assert hasattr(found, "_asdict"), f"gives {type(found).__name__}, and not a NamedTuple of columns"
        columns, hidden = marked(found._asdict())
        return {name: one for name, one in _parted(columns).items() if one is not None}, hidden

    def numbers(self, columns: dict[str, Any]) -> dict[str, Any]:
        """What of these columns a sweep of `LENGTH` steps keeps."""
        found = {}
        for name, column in columns.items():
            value = log10_norm(column) if isinstance(column, Norm) else np.asarray(column)
            sizes = [LENGTH + (axis == "lag") if axis in TIMES else None for axis in self.axes[name]]
            found[name] = value[tuple(slice(size) for size in sizes)]
        return found


def probe_checks(probe: Any, *, home: Any = None, cell: str = "lstm") -> list[Check]:
    """The contracts of a probe, one callable each: of its function, or by its spelling.

    Args:
      probe: `(step, params, state, xs, setup) -> columns`, or such as `lyapunov(start=random)`.
      home: what states `AXES` and `FACTS`, if not the file that holds the function.
      cell: of the network that is measured.
    """
    if isinstance(probe, str):
        home = registry.home("probes", probe.partition("(")[0])
        probe = registry.make("probes", probe)
    if home is None:
        home = sys.modules[getattr(probe, "func", probe).__module__]
    contracts = [*PROBE] + ([facts_are_read_and_not_run] if hasattr(home, "__file__") else [])
    return checks(contracts, Probed(probe, home, cell))


def check_probe(probe: Any, *, home: Any = None, cell: str = "lstm") -> None:
    """Hold a probe to all its contracts.

    Raises:
      AssertionError: for the first that does not hold.
    """
    hold(probe_checks(probe, home=home, cell=cell))


def columns_have_the_axes_that_it_states(probe: Probed) -> None:
    """Each column stands in `AXES`, with as many axes, in that order; those of the sequence are long enough.

    The order is seen where the axes of the network that is measured differ in size.
    """
    found = jax.eval_shape(lambda *given: probe.columns(*given, length=CAPACITY), *probe.network())
    assert found.keys() == probe.axes.keys(), f"gives {', '.join(found)}, states {', '.join(probe.axes)}"
    for name, column in found.items():
        shape = _form(column).shape
        axes = probe.axes[name]
        assert len(shape) == len(axes), f"{name} has {len(shape)} axes, and states {len(axes)}: {axes}"
        for axis, size in zip(axes, shape, strict=True):
            assert axis in FURTHER, f"{name} states the axis {axis}; known: {', '.join(sorted(FURTHER))}"
            least = CAPACITY if axis in TIMES else 1
            assert size >= least, f"{name} has {size} entries along {axis}, and {CAPACITY} steps are measured"
        sizes = {axis: probe.sizes[axis] for axis in axes}
        other = [order for order in itertools.permutations(axes) if shape == tuple(map(sizes.get, order))]
        right = not other or axes in other
        assert right, f"{name} has the axes {', '.join((other or [axes])[0])}, and states {', '.join(axes)}"


def what_rounding_hides_is_marked_within_the_sequence(probe: Probed) -> None:
    """`hidden`, where a probe has it: a dict, by column, of truth values of its form, False beyond step T."""
    measured = jax.jit(probe.given)
    columns, hidden = jax.tree.map(np.asarray, measured(*probe.network(), length=jnp.int32(LENGTH)))
    wrong = misplaced(columns, hidden)
    assert not wrong, wrong
    for name, mark in hidden.items():
        for place, axis in enumerate(probe.axes[name]):
            beyond = np.moveaxis(mark, place, 0)[LENGTH + (axis == "lag") :]
            assert axis not in TIMES or not beyond.any(), f"{name} is hidden beyond the last {axis}"


def facts_are_possible(probe: Probed) -> None:
    """`FACTS` are of its columns; each is known, and says its meaning in a sentence without a full stop."""
    facts = getattr(probe.home, "FACTS", {})
    assert isinstance(facts, dict), "FACTS is no dict, by column"
    for name, said in facts.items():
        assert name in probe.axes, f"FACTS of {name}, which is none of the columns {', '.join(probe.axes)}"
        wrong = fault(said)
        assert not wrong, f"FACTS of {name}: {wrong}"
        meaning = said.get("meaning", "X")
        begins = meaning[:1].isupper() or meaning[:1].isdigit()
        assert begins, f"the meaning of {name} begins with {meaning[:1]!r}, and not with a capital"
        assert not meaning.endswith("."), f"the meaning of {name} ends with a full stop"


def facts_are_read_and_not_run(probe: Probed) -> None:
    """Readers of results find `FACTS` in the file, as a literal."""
    said = getattr(probe.home, "FACTS", None)
    try:
        read = registry.literal(Path(probe.home.__file__), probe.home.__name__, "FACTS")
    except TypeError as error:
        raise AssertionError(str(error)) from error
    assert read == said, "FACTS is changed after it is stated: readers take what the file states"


def what_lies_beyond_the_length_changes_nothing(probe: Probed) -> None:
    """`xs` is padded: of other padding all numbers are the same."""
    one, other = (
        probe.numbers(probe.traced(*probe.network(other=i), length=jnp.int32(LENGTH))) for i in (0, 1)
    )
    for name, value in one.items():
        np.testing.assert_array_equal(value, other[name], err_msg=f"{name} depends on what follows step T")


def one_program_serves_every_length(probe: Probed) -> None:
    """The length may be traced; the numbers are those of a sequence that is as long."""
    params, state, xs = probe.network()
    try:
        traced = probe.numbers(probe.traced(params, state, xs, length=jnp.int32(LENGTH)))
    except (jax.errors.JAXTypeError, jax.errors.JAXIndexError) as error:
        raise AssertionError(f"needs to know setup.length beforehand: {type(error).__name__}") from error
    exact = jax.jit(lambda *given: probe.columns(*given, length=LENGTH))(params, state, xs[:LENGTH])
    for name, value in probe.numbers(exact).items():
        message = f"{name} of {LENGTH} steps padded to {CAPACITY}"
        # The weight gradient has no lag T of its own.
        same = traced[name][tuple(slice(size) for size in value.shape)]
        np.testing.assert_allclose(same, value, rtol=1e-7, atol=1e-9, err_msg=message)


def precision_is_that_of_the_network(probe: Probed) -> None:
    """Of float32 numbers it gives float32, of float64 numbers float64."""
    for dtype in (np.float32, np.float64):
        found = jax.eval_shape(lambda *given: probe.columns(*given, length=CAPACITY), *probe.network(dtype))
        for name, column in found.items():
            came = _form(column).dtype
            right = came == dtype or not jnp.issubdtype(came, jnp.floating)
            assert right, f"{name} is {came} of a network of {np.dtype(dtype)}"


def a_plain_function_has_the_same_columns(probe: Probed) -> None:
    """`gradlab.measure` of a step function: there is no cell, and nothing says what is recurrent."""
    given = probe.network()
    found, own = (
        jax.eval_shape(lambda *args, plain=plain: probe.columns(*args, length=CAPACITY, plain=plain), *given)
        for plain in (True, False)
    )
    extra = found.keys() - own.keys()
    assert not extra, f"has a column {', '.join(sorted(extra))} of a plain function alone"
    for name, column in found.items():
        same = len(_form(column).shape) == len(_form(own[name]).shape)
        assert same, f"{name} has other axes of a plain function"


PROBE: tuple[Contract, ...] = (
    columns_have_the_axes_that_it_states,
    what_rounding_hides_is_marked_within_the_sequence,
    facts_are_possible,
    what_lies_beyond_the_length_changes_nothing,
    one_program_serves_every_length,
    precision_is_that_of_the_network,
    a_plain_function_has_the_same_columns,
)
"""Contracts of every probe."""


def _form(column: Any) -> Any:
    return column.square if isinstance(column, Norm) else column


def _parted(columns: dict[str, Any]) -> dict[str, Any]:
    """Columns by the names that they have in `norms.nc`: of the gradients norm and projection stand apart."""
    found: dict[str, Any] = {}
    for name, column in columns.items():
        found |= (
            {name: column.norm, f"{name}_projection": column.projection}
            if isinstance(column, Gradient)
            else {name: column}
        )
    return found
