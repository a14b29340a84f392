"""Contracts of remedies: what a remedy must do in each of the places where one can act."""

import dataclasses
import functools
import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gradlab import registry
from gradlab.errors import GradlabError
from gradlab.foreign import adopted
from gradlab.recurrence.scaled import rescale
from gradlab.studies.remedies import loop
from gradlab.studies.remedies.networks import Setting, initialised
from gradlab.testing._held import Check, Contract, checks, hold
from gradlab.testing.initializers import draws_square_matrices_of_its_key
from gradlab.testing.networks import gaussian, key, shapes
from gradlab.types import Example, Key, Remedy, Scaled, Task, Trajectory

Tree = Any
DTYPES = (np.float32, np.float64)
PLACES = tuple(place for place in Remedy._fields if place != "replaces")
REPLACED = ("", "cell", "init")
DRAWS = 30
"""Keys that a step of a remedy's own is drawn with."""


@dataclasses.dataclass(frozen=True)
class Follow(Task):
    """Give a random number at the last step, or one at every step; `length` 0: all T steps."""

    every: bool = False
    length: int = 0
    solved: float = -1.0

    form = "many to one"
    sizes = (2, 1)
    least = 1

    def sample(self, key: Key, T: int) -> Example:
        key_x, key_y = jax.random.split(key)
        length = self.length or T
        inside = jnp.arange(T) < length
        xs = jnp.where(inside[:, None], jax.random.normal(key_x, (T, 2)), 0.0)
        counted = inside if self.every else jnp.arange(T) == length - 1
        return Example(xs, jax.random.normal(key_y, (T, 1)), counted.astype(float), jnp.int32(length))

    def loss(self, outputs: Any, example: Example) -> Any:
        misses = ((outputs - example.target) ** 2).sum(axis=1)
        return (misses * example.counted).sum() / example.counted.sum()

    def error(self, outputs: Any, example: Example) -> Any:
        return self.loss(outputs, example)

    def chance(self, T: int) -> float:
        return 1.0


class Treated:
    """A remedy and a cell that it accepts: the one that is given, or the first of gradlab's, once asked."""

    def __init__(self, remedy: Remedy, given: Any = None) -> None:
        self.remedy, self.given = remedy, given

    @property
    def before(self) -> Any:
        """The cell that the remedy is given."""
        return self._cells[0]

    @property
    def cell(self) -> Any:
        """What the remedy makes of it."""
        return self._cells[1]

    @functools.cached_property
    def _cells(self) -> tuple[Any, Any]:
        for one in ("elman", *registry.names("cells")) if self.given is None else (self.given,):
            before = registry.make("cells", one) if isinstance(one, str) else adopted.adopted(one)
            try:
                cell = self.remedy.cell(before) if self.remedy.cell is not None else before
                loop.try_out(setting(cell, self.remedy), learn=False)
            except (GradlabError, ValueError):
                continue
            return before, cell
        raise AssertionError(f"the remedy does not accept {'any cell' if self.given is None else self.given}")


def remedy_checks(remedy: Any, cell: Any = None) -> list[Check]:
    """The contracts of a remedy, one callable each: of a `Remedy`, or by its spelling.

    It is tried on `cell`, or on the first of gradlab's cells that it accepts. Contracts about places where
    it does not act are left out.
    """
    made = registry.make("remedies", remedy)() if isinstance(remedy, str) else remedy
    there = [contracts for place, contracts in IN_PLACE.items() if getattr(made, place) is not None]
    return checks([*REMEDY, *itertools.chain(*there)], Treated(made, cell))


def check_remedy(remedy: Any, cell: Any = None) -> None:
    """Hold a remedy to all its contracts.

    Raises:
      AssertionError: for the first that does not hold.
    """
    hold(remedy_checks(remedy, cell))


def acts_somewhere_and_says_what_it_replaces(tried: Treated) -> None:
    """It acts in one place at least; `replaces` names the cell or the initialisation, if it acts there."""
    acts = [place for place in PLACES if getattr(tried.remedy, place) is not None]
    assert acts, "it acts in no place"
    assert tried.remedy.replaces in REPLACED, f"replaces is {tried.remedy.replaces!r}, not one of {REPLACED}"
    assert tried.remedy.replaces in ("", *acts), f"it replaces {tried.remedy.replaces} and acts on {acts}"


def an_update_keeps_the_form_of_a_network(tried: Treated) -> None:
    """An update traced with it gives a network of the same shapes and dtypes, in both precisions."""
    of = setting(tried.cell, tried.remedy)
    for dtype in DTYPES:
        begin = functools.partial(initialised, of, gaussian, 1.3, 0.1, jax.random.key(0), dtype)
        try:
            one = jax.eval_shape(begin)
            after, found = jax.eval_shape(functools.partial(loop.update, of), one)
        except Exception as error:
            words = f"an update of a {np.dtype(dtype)} network fails: {type(error).__name__}: {error}"
            raise AssertionError(words) from error
        assert shapes(after) == shapes(one), f"an update changes {shapes(one)} to {shapes(after)}"
        assert found["loss"].dtype == dtype, (
            f"the loss of a {np.dtype(dtype)} network is {found['loss'].dtype}"
        )


def equal_cells_become_equal_ones(tried: Treated) -> None:
    """What it makes of a cell is the same each time, and hashable: equal cells share a program."""
    again = tried.remedy.cell(tried.before)  # type: ignore[misc]
    assert again == tried.cell, "the remedy makes two cells of one"
    assert hash(again) == hash(tried.cell), "the remedy makes equal cells with two hashes"


def its_initialisation_is_one(tried: Treated) -> None:
    """What it makes of an initialiser draws square matrices, each decided by its key."""
    draws_square_matrices_of_its_key(tried.remedy.init(gaussian))  # type: ignore[misc]


def a_changed_gradient_keeps_its_form_and_is_finite(tried: Treated) -> None:
    """A gradient of 0, of 1e-30, of 1 or near the largest number becomes one of its form, finite."""
    change = tried.remedy.gradients
    update = jax.jit(change.update)
    for dtype in DTYPES:
        weights = cast(tree(), dtype)
        state = change.init(weights)
        for size in (0.0, 1e-30, 1.0, float(np.finfo(dtype).max) / 8):
            given = jax.tree.map(lambda leaf, size=size: leaf * size, weights)
            found, after = update(given, state, weights)
            assert shapes(found) == shapes(given), f"a gradient of {shapes(given)} becomes {shapes(found)}"
            assert shapes(after) == shapes(state), f"its state of {shapes(state)} becomes {shapes(after)}"
            finite = all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(found))
            assert finite, f"a gradient of size {size:g} becomes one that is not finite"


def a_changed_adjoint_keeps_its_form_at_every_exponent(tried: Treated) -> None:
    """An adjoint, however large or small, becomes one of its form, its largest entry in [1/2, 1) or 0."""

    @jax.jit
    def both(value: Tree, exponent: Any, lag: Any) -> tuple[Scaled, Scaled]:
        sent = rescale(value, exponent)
        return sent, tried.remedy.adjoint(lag, sent)  # type: ignore[misc]

    for dtype, exponent, size in itertools.product(DTYPES, (-(10**6), 0, 10**6), (0.0, 1.0)):
        value = jax.tree.map(lambda leaf, s=size: leaf * s, cast(tree(), dtype))
        for lag in (1, 2, 50):
            sent, found = both(value, jnp.int32(exponent), jnp.int32(lag))
            assert shapes(found) == shapes(sent), f"{shapes(sent)} becomes {shapes(found)}"
            peak = max(float(np.abs(leaf).max()) for leaf in jax.tree.leaves(found.value))
            assert peak == 0 or 0.5 <= peak < 1, f"the largest entry is {peak:g}; rescale it"
            assert size or peak == 0, f"an adjoint of 0 becomes one of {peak:g}"


def a_projection_keeps_the_form_and_what_it_has_brought_back(tried: Treated) -> None:
    """Weights of gain 3 are moved to where they may be, in their form, and stay there when asked again."""
    drawn, _ = tried.cell.init(key(), 2, 5, 3.0, gaussian)
    project = jax.jit(tried.remedy.project)  # type: ignore[arg-type]
    for dtype in DTYPES:
        params = cast(drawn, dtype)
        once = project(params)
        assert shapes(once) == shapes(params), f"params of {shapes(params)} become {shapes(once)}"
        pairs = list(zip(*map(jax.tree.leaves, (once, params, project(once))), strict=True))
        assert any(not np.array_equal(a, b) for a, b, _ in pairs), "weights of gain 3 stay where they are"
        for brought, _, again in pairs:
            eps = 50 * float(np.finfo(dtype).eps)
            np.testing.assert_allclose(again, brought, rtol=0, atol=eps, err_msg="projected twice")


def a_step_of_its_own_keeps_the_form_and_is_drawn(tried: Treated) -> None:
    """With a key the step gives a state of its form, and for some keys another one than without."""
    drawn = tried.cell.init(key(), 2, 64, 1.0, gaussian)
    keys = jax.vmap(jax.random.key)(jnp.arange(DRAWS))

    @jax.jit
    def both(params: Tree, state: Tree, x: Any, t: Any) -> tuple[Tree, Tree]:
        step = tried.cell.step
        own = jax.vmap(lambda key: tried.remedy.step(step, key, t)(params, state, x))(keys)  # type: ignore[misc]
        return step(params, state, x), own

    for dtype in DTYPES:
        params, state = cast(drawn, dtype)
        given = params, jax.tree.map(jnp.ones_like, state), jnp.ones(2, dtype), jnp.int32(3)
        plain, own = both(*given)
        first = jax.tree.map(lambda leaf: leaf[0], own)
        assert shapes(first) == shapes(plain), f"a state of {shapes(plain)} becomes {shapes(first)}"
        same = jax.tree.map(lambda a, b: np.array_equal(a, jnp.broadcast_to(b, a.shape)), own, plain)
        assert not all(jax.tree.leaves(same)), f"{DRAWS} keys draw the plain step each time"


def a_penalty_is_finite_and_does_not_see_beyond_the_end(tried: Treated) -> None:
    """The penalty is not 0, it and its gradient are finite, and the same whatever lies beyond the length."""
    keys = jax.random.split(key(), 4)
    params, state = tried.cell.init(keys[0], 2, 3, 1.1, gaussian)
    T, length = 5, 3

    def drawn(key: Key) -> Tree:
        return jax.tree.map(lambda leaf: jax.random.normal(key, (T, *leaf.shape)), state)

    before, adjoints, xs = drawn(keys[1]), drawn(keys[2]), jax.random.normal(keys[3], (T, 2))
    # Beyond the end nothing comes back: adjoints are exactly 0 there.
    adjoints = jax.tree.map(lambda leaf: leaf.at[length:].set(0), adjoints)

    @jax.jit
    def penalty(params: Tree, before: Tree, xs: Any) -> Any:
        trail = Trajectory(tried.cell, params, before, xs, adjoints, jnp.int32(length))
        return jax.value_and_grad(lambda p: tried.remedy.penalty(trail._replace(params=p)))(params)  # type: ignore[misc]

    value, slopes = penalty(params, before, xs)
    assert np.shape(value) == (), f"the penalty has the shape {np.shape(value)}"
    assert np.isfinite(value), f"the penalty is {value}"
    assert value != 0, "the penalty is 0"
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(slopes)), "its gradient is not finite"
    other = jax.tree.map(lambda leaf: leaf.at[length:].add(1.0), (before, xs))
    for a, b in zip(*map(jax.tree.leaves, (penalty(params, *other), (value, slopes))), strict=True):
        np.testing.assert_array_equal(a, b, err_msg="steps beyond the length are seen")


REMEDY: tuple[Contract, ...] = (
    acts_somewhere_and_says_what_it_replaces,
    an_update_keeps_the_form_of_a_network,
)
"""Contracts of every remedy."""
IN_PLACE: dict[str, tuple[Contract, ...]] = {
    "cell": (equal_cells_become_equal_ones,),
    "init": (its_initialisation_is_one,),
    "adjoint": (a_changed_adjoint_keeps_its_form_at_every_exponent,),
    "gradients": (a_changed_gradient_keeps_its_form_and_is_finite,),
    "penalty": (a_penalty_is_finite_and_does_not_see_beyond_the_end,),
    "project": (a_projection_keeps_the_form_and_what_it_has_brought_back,),
    "step": (a_step_of_its_own_keeps_the_form_and_is_drawn,),
}
"""Contracts of a remedy that acts in a place."""


def cast(given: Tree, dtype: Any) -> Tree:
    """Every number brought to a dtype."""
    return jax.tree.map(lambda leaf: leaf.astype(dtype), given)


def tree() -> Tree:
    """Made-up weights or a gradient: a matrix, a stack of two and a vector."""
    draw = np.random.default_rng(1).standard_normal
    return {"w": jnp.asarray(draw((3, 4))), "gates": jnp.asarray(draw((2, 3, 3))), "b": jnp.asarray(draw(2))}


def setting(cell: Any, remedy: Remedy) -> Setting:
    """A training of a few numbers."""
    task = Follow(every=True, length=2)
    return Setting(task=task, cell=cell, remedy=remedy, T=3, hidden=2, batch=2, eval_every=2, eval_size=4)
