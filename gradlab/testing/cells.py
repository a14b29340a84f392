"""Contracts of cells: what every cell must do, ours and other people's."""

import contextlib
import copy
import dataclasses
import functools
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from gradlab import registry
from gradlab.foreign import adopted
from gradlab.recurrence.trees import has_gradient
from gradlab.testing._held import Check, Contract, checks, hold
from gradlab.testing.networks import D, N, T, gaussian, key, named, network, orthogonal, shapes

Tree = Any


def cell_checks(cell: Any) -> list[Check]:
    """The contracts of a cell, one callable each: of an object with `init` and `step`, or by its spelling.

    Those that are about what this cell does not have, such as gates, are left out.
    """
    made = registry.make("cells", cell) if isinstance(cell, str) else adopted.adopted(cell)
    contracts = [*CELL]
    contracts += [] if made.surrogate else [jacobian_is_that_of_differences]
    contracts += [what_init_alone_reads_changes_no_step] if made.drawn else []
    contracts += [gates_open_between_0_and_1] if made.gates else []
    contracts += [gates_are_drawn_apart] if made.gates and _has_a_matrix_per_gate(made) else []
    contracts += [declared_rate_is_measured] if any(_declared(made)) else []
    return checks(contracts, made)


def check_cell(cell: Any) -> None:
    """Hold a cell to all its contracts.

    Raises:
      AssertionError: for the first that does not hold.
    """
    hold(cell_checks(cell))


def starts_in_the_widest_dtype_with_named_parts(cell: Any) -> None:
    """Parameters and state are drawn in float64, and the recurrent weights are found among them."""
    params, state = jax.eval_shape(lambda one: cell.init(one, D, N, 1.0, gaussian), key())
    kinds = {str(leaf.dtype) for leaf in jax.tree.leaves((params, state)) if has_gradient(leaf)}
    assert kinds == {"float64"}, f"init draws {', '.join(sorted(kinds))} where float64 is on"
    assert jax.tree.leaves(jax.eval_shape(cell.recurrent, params)), "recurrent(params) is empty"


def a_key_draws_the_weights(cell: Any) -> None:
    """One key decides parameters and state; another draws other recurrent and input weights."""

    def drawn(of: Any, initializer: Any) -> Tree:
        return cell.init(of, D, N, 1.0, initializer)

    one, other = jax.random.split(key())
    for a, b in zip(*(jax.tree.leaves(drawn(one, gaussian)) for _ in range(2)), strict=True):
        np.testing.assert_array_equal(a, b, err_msg="one key draws two networks")
    recurrent = [
        cell.recurrent(drawn(*which)[0]) for which in ((one, gaussian), (other, gaussian), (one, _eye))
    ]
    if not _equal_trees(recurrent[0], recurrent[2]):
        assert not _equal_trees(*recurrent[:2]), "two keys draw the same recurrent weights"
    # With an initialiser that draws nothing, what differs is drawn by the cell itself.
    inputs = [drawn(of, _eye)[0] for of in (one, other)]
    assert not _equal_trees(*inputs), "two keys draw the same parameters beside the recurrent weights"


def step_keeps_shapes_and_dtypes(cell: Any) -> None:
    """A step gives a state of the same form, in both precisions, and a readout of one number per unit."""
    for dtype in (np.float32, np.float64):
        params, state, xs = jax.eval_shape(lambda one, dtype=dtype: network(cell, one, dtype), key())
        after = jax.eval_shape(lambda *given: cell.step(*given[:2], given[2][0]), params, state, xs)
        same = bool(jax.tree.structure(after) == jax.tree.structure(state))  # type: ignore[operator]
        assert same, "step returns a state of another form"
        assert shapes(after) == shapes(state), f"step changes {shapes(state)} to {shapes(after)}"
        read = jax.eval_shape(cell.readout, after)
        assert (read.shape, read.dtype) == ((N,), np.dtype(dtype)), f"readout is {read.dtype}{read.shape}"


def w_rec_is_the_gain(cell: Any) -> None:
    """A parameter is either left alone by `w_rec` or multiplied by it; under vmap too."""

    def init(w_rec: Any) -> Tree:
        return cell.init(key(), D, N, w_rec, gaussian)[0]

    one = named(init(1.0))
    for w_rec in (0.0, 0.7, -1.5):
        scaled = {name: leaf for name, leaf in named(init(w_rec)).items() if not _equal(leaf, one[name])}
        for name, leaf in scaled.items():
            np.testing.assert_allclose(leaf, w_rec * one[name], rtol=1e-14, err_msg=name)
        assert bool(scaled) == cell.has_gain, f"has_gain is {cell.has_gain}, and w_rec scales {list(scaled)}"
    swept = named(jax.vmap(init)(jnp.array([0.7, 1.0], float)))
    for name, leaf in swept.items():
        np.testing.assert_allclose(leaf[1], one[name], rtol=1e-12, err_msg=name)


def gradient_reaches_every_parameter(cell: Any) -> None:
    """Every parameter, and every gate of it, has a gradient that is finite and not zero."""
    params, state, xs = network(cell, key())

    def loss(params: Tree) -> Any:
        last, _ = jax.lax.scan(lambda s, x: (cell.step(params, s, x), None), state, xs)
        flat = ravel_pytree(last)[0]
        return flat @ jnp.arange(1.0, flat.size + 1)

    for name, leaf in named(jax.jit(jax.grad(loss))(params)).items():
        by_gate = cell.gates and leaf.shape[:1] == (len(cell.gates),)
        rows = np.asarray(leaf).reshape(len(cell.gates) if by_gate else 1, -1)
        assert np.isfinite(rows).all(), f"the gradient of {name} is not finite"
        assert (rows != 0).any(axis=1).all(), f"the gradient of {name} is zero, or that of one of its gates"


def vmap_equals_a_loop(cell: Any) -> None:
    """A batch of inputs gives what each of them gives alone."""
    params, state, xs = network(cell, key())
    batched = jax.vmap(cell.step, (None, None, 0))(params, state, xs)
    for t in range(T):
        one = cell.step(params, state, xs[t])
        for a, b in zip(jax.tree.leaves(batched), jax.tree.leaves(one), strict=True):
            np.testing.assert_allclose(a[t], b, rtol=1e-13, atol=1e-15)


def forward_and_reverse_jacobians_agree(cell: Any) -> None:
    """The Jacobian of a step is the same by forward and by reverse mode, and is not zero."""
    params, state, xs = network(cell, key())
    flat, unravel = ravel_pytree(state)
    step = functools.partial(_flat_step, cell, params, unravel, x=xs[0])
    forward, reverse = jax.jit(lambda at: (jax.jacfwd(step)(at), jax.jacrev(step)(at)))(flat)
    assert np.abs(forward).max() > 0, "the state does not depend on the one before"
    np.testing.assert_allclose(forward, reverse, rtol=1e-12, atol=1e-15)


def jacobian_is_that_of_differences(cell: Any) -> None:
    """The Jacobian of a step is what central differences of it find: no derivative is stopped or made up."""
    params, state, xs = network(cell, key())
    flat, unravel = ravel_pytree(state)
    step = functools.partial(_flat_step, cell, params, unravel, x=xs[0])
    apart = 1e-6 * jnp.eye(flat.size, dtype=flat.dtype)

    def both(at: Any) -> tuple[Any, Any]:
        ahead, behind = (jax.vmap(lambda way, sign=sign: step(at + sign * way))(apart) for sign in (1, -1))
        return jax.jacrev(step)(at), (ahead - behind).T / 2e-6

    exact, differences = jax.jit(both)(flat)
    off, largest = np.abs(exact - differences).max(), np.abs(differences).max()
    assert off <= 1e-6 * largest, f"entries are off by up to {off:.2g}, where the largest is {largest:.2g}"


def a_second_step_compiles_nothing(cell: Any) -> None:
    """The cell can be a static argument: equal ones share a program, which takes its own result."""
    traced = []

    @functools.partial(jax.jit, static_argnums=0)
    def step(cell: Any, params: Tree, state: Tree, x: Any) -> Tree:
        traced.append(cell)
        return cell.step(params, state, x)

    for _ in range(3):
        params, state, xs = network(cell, key())
        again = copy.deepcopy(cell)
        step(again, params, step(again, params, state, xs[0]), xs[1])
    assert len(traced) == 1, f"a step is traced {len(traced)} times: its types change, or its hash does"


def declared_names_exist(cell: Any) -> None:
    """What the cell calls its memory and its fixed parameters is there, and it is plain what it rescales."""
    assert isinstance(cell.rescales, bool), f"rescales is {cell.rescales!r}, and not True or False"
    params, state = cell.init(key(), D, N, 1.0, gaussian)
    known = {name.split("/")[-1] for name in named(params)}
    assert set(cell.fixed) <= known, f"fixed names {set(cell.fixed) - known}, which params does not have"
    if len(jax.tree.leaves(state)) > 1:
        assert cell.memory in named(state), f"memory is {cell.memory!r}, state has {sorted(named(state))}"


def what_init_alone_reads_changes_no_step(cell: Any) -> None:
    """With another value of a setting in `drawn`, all but `init` is the same program of the same shapes."""

    def program(one: Any) -> Tree:
        def rest(params: Tree, state: Tree, xs: Any) -> Tree:
            read = one.readout(state), one.recurrent(params), one.gate_values(params, state, xs[0])
            return one.step(params, state, xs[0]), read

        given = jax.eval_shape(lambda of: network(one, of), key())
        return shapes(given), str(jax.make_jaxpr(rest)(*given))

    for name in cell.drawn:
        others = [one for value in _others(getattr(cell, name)) for one in _replaced(cell, name, value)]
        assert others, f"no other value of {name} is possible"
        for one in others:
            assert program(one) == program(cell), f"{name} is in drawn, and more than init reads it"


def _others(value: float) -> tuple[float, ...]:
    return tuple({value / 2, value + 5, 0.99 * value} - {value})


def _replaced(cell: Any, name: str, value: float) -> Iterator[Any]:
    """The cell with another value of a setting, if it may have that."""
    with contextlib.suppress(ValueError):
        yield dataclasses.replace(cell, **{name: value})


def gates_open_between_0_and_1(cell: Any) -> None:
    """Every opening is one number per unit, between 0 and 1."""
    params, state, xs = network(cell, key())
    for name, opening in cell.gate_values(params, state, xs[0]).items():
        assert opening.shape == (N,), f"the opening {name} has the shape {opening.shape}"
        assert ((opening >= 0) & (opening <= 1)).all(), f"the opening {name} leaves 0 to 1"


def gates_are_drawn_apart(cell: Any) -> None:
    """Each gate's recurrent matrix is drawn for itself, with the initialiser's own singular values."""
    params, _ = cell.init(key(), D, N, 1.0, orthogonal)
    w = np.asarray(params.w_rec)
    assert w.shape == (len(cell.gates), N, N), f"w_rec has the shape {w.shape}"
    np.testing.assert_allclose(np.linalg.svd(w, compute_uv=False), 1.0, rtol=1e-13)
    assert len({float(one[0, 0]) for one in w}) == len(cell.gates), "two gates have the same matrix"


def declared_rate_is_measured(cell: Any) -> None:
    """Where the cell has a theory of its rate, the product of its Jacobians grows by it exactly."""
    for w_rec in _declared(cell):
        params, state, xs = network(cell, key(), initializer=orthogonal, w_rec=w_rec)
        flat, unravel = ravel_pytree(state)
        product = np.eye(flat.size)
        step = functools.partial(_flat_step, cell, params, unravel)
        for x in xs:
            product = np.asarray(jax.jacfwd(step)(flat, x)) @ product
            flat = step(flat, x)
        with np.errstate(divide="ignore"):
            found = np.log10(np.linalg.norm(product, 2))
        np.testing.assert_allclose(found, cell.rate_theory(w_rec) * T, atol=1e-12)


CELL: tuple[Contract, ...] = (
    starts_in_the_widest_dtype_with_named_parts,
    a_key_draws_the_weights,
    step_keeps_shapes_and_dtypes,
    w_rec_is_the_gain,
    gradient_reaches_every_parameter,
    vmap_equals_a_loop,
    forward_and_reverse_jacobians_agree,
    a_second_step_compiles_nothing,
    declared_names_exist,
)
"""Contracts of every cell."""


def _declared(cell: Any) -> Iterator[float]:
    """Gains at which the cell says what its rate is."""
    return (w_rec for w_rec in (0.0, 0.8, 1.0, -1.25) if cell.rate_theory(w_rec) is not None)


def _has_a_matrix_per_gate(cell: Any) -> bool:
    params, _ = jax.eval_shape(lambda one: cell.init(one, D, N, 1.0, gaussian), key())
    return getattr(getattr(params, "w_rec", None), "ndim", 0) == 3


def _flat_step(cell: Any, params: Tree, unravel: Any, state: Any, x: Any) -> Any:
    return ravel_pytree(cell.step(params, unravel(state), x))[0]


def _eye(key: Any, n: int) -> Any:
    del key
    return jnp.eye(n, dtype=float)


def _equal_trees(a: Tree, b: Tree) -> bool:
    return all(_equal(*pair) for pair in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True))


def _equal(a: Any, b: Any) -> bool:
    return bool(np.array_equal(a, b))
