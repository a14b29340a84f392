"""Steps of a linear recurrence taken side by side, in as many rounds as their number has binary digits.

What many steps do together is the product of their Jacobians. Two kinds of it are no larger than that of one
step: powers of one matrix, and blocks of units that reach themselves alone. All numbers have an exponent
beside them, for many steps together leave every range. A GPU, where the start of a kernel takes longer than
the arithmetic of a step, is sooner done with it than with one step after the other.

Reference: Blelloch 1990, Prefix sums and their applications; Martin, Cundy 2018, Parallelizing linear
recurrent neural nets over sequence length.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.flatten_util import ravel_pytree

from gradlab.recurrence import cutting, platforms, powers, unitwise, wide
from gradlab.recurrence.matrix_powers import Power, plain_sums, repeated, squares, summed
from gradlab.recurrence.pullback import Pullback, pullback
from gradlab.recurrence.scaled import at_one_exponent, rescale
from gradlab.recurrence.trees import alone, joined, turned
from gradlab.recurrence.unitwise import Blocks, chained
from gradlab.types import Scaled, Step

Tree = Any


class Powers(NamedTuple):
    """Many steps at once, of which the Jacobian is the same matrix at every one.

    In all methods `xs`, `t` and what steps have kept are in the order of time; t < 1 is no step.
    """

    back: list[Power]
    forward: list[Power]
    """`squares` of the Jacobian, and of it turned."""
    one: Pullback
    state: Tree
    affine: bool
    """The states follow from one another linearly, too."""

    def sent_back(self, first: Scaled, kept: Tree, t: Array, terms: Tree | None) -> Scaled:
        """`first`, and what each step sends to the one before, the last one first: K + 1 of them.

        sent_k = D^T sent_{k-1} + term,     D and term of the k-th step from the end
        """
        flat = rescale(_flat(first.value), first.exponent)
        if terms is None:
            found = repeated(flat, self.back, len(t))
        else:
            more = jax.vmap(lambda term: rescale(_flat(term)))(turned(terms))
            found = summed(joined(alone(flat), more), self.back)
        return found._replace(value=self._trees(found.value))

    def products(self, first: Scaled, kept: Tree, t: Array) -> Scaled:
        """`first`, and its products with the Jacobians of the last k steps, k = 1..K."""
        return repeated(first, self.back, len(t))

    def states(self, state: Tree, xs: Tree, t: Array) -> Tree:
        """The state before each step and after the last one, of affine steps."""
        flat, offsets = _flat(state), jax.vmap(_flat)(_offsets(self.one, self.state, xs, t))
        terms = jnp.concatenate([jnp.zeros_like(flat)[None], offsets])
        # What comes before the first step is no step: the sum begins after it.
        return self._trees(plain_sums(terms.at[jnp.maximum(1 - t[0], 0)].set(flat), self.forward))

    def _trees(self, rows: Array) -> Tree:
        return jax.vmap(ravel_pytree(self.state)[1])(rows)


class Units(NamedTuple):
    """The same, of which the Jacobian is a block for each unit, and may be another one at every step."""

    one: Pullback
    state: Tree
    shape: tuple[int, ...]
    affine: bool

    def sent_back(self, first: Scaled, kept: Tree, t: Array, terms: Tree | None) -> Scaled:
        rows = None if terms is None else jax.vmap(lambda term: self._row(rescale(term)))(turned(terms))

        def tree(row: Blocks) -> Scaled:
            found = at_one_exponent(row.value[0], row.exponent[0])
            return rescale(unitwise.tree(found.value, self.state), found.exponent)

        found: Scaled = jax.vmap(tree)(chained(self._row(first), self._factors(kept, t, back=True), rows))
        return found

    def products(self, first: Blocks, kept: Tree, t: Array) -> Blocks:
        return chained(first, self._factors(kept, t, back=True))

    def states(self, state: Tree, xs: Tree, t: Array) -> Tree:
        terms = jax.vmap(self._column)(_offsets(self.one, self.state, xs, t))
        # The Jacobian is the same at every state.
        factors = self._factors(jax.vmap(lambda x: self.one.forward(self.state, x)[1])(xs), t)
        found = chained(
            self._column(state), factors, terms, lambda last, factor: unitwise.times(factor, last)
        )
        numbers = powers.scaled(found.value[:, :, 0], found.exponent)
        return jax.vmap(lambda one: unitwise.tree(one, self.state))(numbers)

    def _factors(self, kept: Tree, t: Array, *, back: bool = False) -> Blocks:
        def one(kept: Tree, t: Array) -> Blocks:
            slope = unitwise.jacobian(lambda sent: self.one.pull(kept, sent)[1], self.state, self.shape)
            still = jnp.eye(len(slope), dtype=slope.dtype)[..., None]
            return unitwise.rescaled(jnp.where(t > 0, slope, still))

        found: Blocks = jax.vmap(one)(*(turned((kept, t)) if back else (kept, t)))
        return found

    def _row(self, tree: Scaled) -> Blocks:
        return unitwise.rescaled(unitwise.numbers(tree.value, self.shape)[None], tree.exponent)

    def _column(self, tree: Tree) -> Blocks:
        """Each number has an exponent of its own."""
        return unitwise.rescaled(unitwise.numbers(tree, self.shape)[:, None])


Linear = Powers | Units


def linear(one: Pullback, step: Step, params: Tree, state: Tree, x: Tree, beside: int) -> Linear | None:
    """The steps of this pullback side by side, where that pays; `beside` sequences run there anyway.

    None where a product of two Jacobians is larger than one of them, or one step keeps a card busy.
    """
    # Of the step itself: one whose derivative somebody has set is no operation that is known.
    jaxpr, first = jax.make_jaxpr(step)(params, state, x).jaxpr, len(jax.tree.leaves(params))
    affine = cutting.affine(jaxpr, jaxpr.invars[first : first + len(jax.tree.leaves(state))])
    if (shape := unitwise.of(one, state, x)) is not None:
        return Units(one, state, shape, affine)
    flat, unravel = ravel_pytree(state)
    alike = len({leaf.dtype for leaf in jax.tree.leaves(state)}) == 1
    if not alike or beside * flat.size**2 > platforms.LAUNCH:
        return None
    # With weights what a step has kept is other at every one, its Jacobian maybe not.
    still = pullback(step, params, state, x)
    if not still.linear:
        return None
    _, kept = still.forward(state, x)
    rows = jax.vmap(lambda row: still.pull(kept, unravel(row))[1])(jnp.eye(flat.size, dtype=flat.dtype))
    matrix = jax.vmap(_flat)(rows)
    back, forward = (squares(one, wide.LONGEST) for one in (matrix, matrix.T))
    return Powers(back, forward, still, state, affine)


def _offsets(one: Pullback, state: Tree, xs: Tree, t: Array) -> Tree:
    """What each step makes of a state of zeros; zeros where there is no step."""
    zero = jax.tree.map(jnp.zeros_like, state)

    def offset(x: Tree, t: Array) -> Tree:
        return jax.tree.map(lambda leaf: jnp.where(t > 0, leaf, 0), one.forward(zero, x)[0])

    return jax.vmap(offset)(xs, t)


def _flat(tree: Tree) -> Array:
    return ravel_pytree(tree)[0]
