"""Steps of a linear recurrence taken side by side, in as many rounds as their number has binary digits.

What many steps do together is the product of their Jacobians. Two kinds of it are no larger than that of one
step: powers of one matrix, and blocks of units that reach themselves alone. All numbers have an exponent
beside them, for many steps together leave every range. A GPU, where the start of a kernel takes longer than
the arithmetic of a step, is sooner done with it than with one step after the other.

Reference: Blelloch 1990, Prefix sums and their applications; Martin, Cundy 2018, Parallelizing linear
recurrent neural nets over sequence length.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.flatten_util import ravel_pytree
from jaxtyping import Float, Int

from gradlab.recurrence import platforms, powers, unitwise, wide
from gradlab.recurrence.pullback import Pullback, pullback
from gradlab.recurrence.scaled import add, rescale
from gradlab.recurrence.unitwise import Blocks
from gradlab.types import Scaled, Step

Tree = Any


def squares(matrix: Float[Array, "S S"], count: int) -> list[Scaled]:
    """Its powers 1, 2, 4, ... up to `count`, in float64 until they are there.

    In float32 each square would double what the one before is off by, and every segment takes the same ones.
    """
    found = []
    with jax.enable_x64(True):
        power = rescale(matrix.astype("float64"))
        while True:
            found.append(Scaled(power.value.astype(matrix.dtype), power.exponent))
            if 2 ** len(found) > count:
                return found
            power = rescale(_product(power.value, power.value), 2 * power.exponent)


def repeated(first: Scaled, powers: Sequence[Scaled], count: int) -> Scaled:
    """`first` (..., S), and its products with the powers 1..count of a matrix, by its `squares`."""
    found = _alone(first)
    for power in powers:
        left = count + 1 - len(found.exponent)
        some = jax.tree.map(lambda leaf, left=left: leaf[:left], found)
        if len(some.exponent):
            found = _joined(found, _times(some, power))
    return Scaled(*found)


def summed(terms: Scaled, powers: Sequence[Scaled]) -> Scaled:
    """Of terms (K, S), an exponent each: `sum_k = term_k + sum_{k-1} matrix`, by its `squares`."""
    for i, power in enumerate(powers):
        # Each sum is of 2^i terms, and gets those of as many before.
        reach = 2**i
        if reach >= len(terms.exponent):
            break
        before, after, begin = (
            jax.tree.map(lambda leaf, cut=cut: leaf[cut], terms)
            for cut in (slice(-reach), slice(reach, None), slice(reach))
        )
        terms = Scaled(*_joined(begin, jax.vmap(add)(after, _times(before, power))))
    return terms


def chained(first: Blocks, factors: Blocks, terms: Blocks | None = None) -> Blocks:
    """`first`, and `next = last times factor, plus term`, unit by unit, for factors (K, m, m, N)."""
    begin = jax.tree.map(lambda leaf: leaf[None], first)
    if terms is None:
        products: Blocks = jax.lax.associative_scan(jax.vmap(unitwise.times), factors)
        after_first: Blocks = jax.vmap(unitwise.times, (None, 0))(first, products)
        return Blocks(*_joined(begin, after_first))

    def after(one: tuple[Blocks, Blocks], two: tuple[Blocks, Blocks]) -> tuple[Blocks, Blocks]:
        carried = jax.vmap(unitwise.times)(one[1], two[0])
        return jax.vmap(unitwise.times)(one[0], two[0]), jax.vmap(unitwise.plus)(carried, two[1])

    # The first one is a term, too, of a factor that nothing is before.
    pairs = _joined(jax.tree.map(lambda leaf: leaf[:1], factors), factors), _joined(begin, terms)
    found: Blocks = jax.lax.associative_scan(after, pairs)[1]
    return found


def plain(value: Array, exponent: Int[Array, "*axes"]) -> Array:
    """`value * 2**exponent` as a number of its format: infinite where that ends."""
    # In two factors, since one of them alone may be out of range.
    half = exponent // 2
    return value * powers.two_to(half, value.dtype) * powers.two_to(exponent - half, value.dtype)


class Powers(NamedTuple):
    """Many steps at once, of which the Jacobian is the same matrix at every one.

    In all methods `xs`, `t` and what steps have kept are in the order of time; t < 1 is no step.
    """

    powers: list[Scaled]
    """`squares` of the Jacobian."""
    one: Pullback
    state: Tree

    @property
    def affine(self) -> bool:
        """The states follow from one another linearly, too."""
        return self.one.affine

    def sent_back(self, first: Scaled, kept: Tree, t: Array, terms: Tree | None) -> Scaled:
        """`first`, and what each step sends to the one before, the last one first: K + 1 of them.

        sent_k = D^T sent_{k-1} + term,     D and term of the k-th step from the end
        """
        flat = rescale(_flat(first.value), first.exponent)
        if terms is None:
            found = repeated(flat, self.powers, len(t))
        else:
            found = summed(_joined(_alone(flat), _scaled(turned(terms))), self.powers)
        return found._replace(value=self._trees(found.value))

    def products(self, first: Scaled, kept: Tree, t: Array) -> Scaled:
        """`first`, and its products with the Jacobians of the last k steps, k = 1..K."""
        return repeated(first, self.powers, len(t))

    def states(self, state: Tree, xs: Tree, t: Array) -> Tree:
        """The state before each step and after the last one, of affine steps."""
        begin, offsets = rescale(_flat(state)), _scaled(_offsets(self.one, self.state, xs, t))
        terms = _joined(_alone(rescale(jnp.zeros_like(begin.value))), offsets)
        # What comes before the first step is no step: the sum begins after it.
        first = jnp.maximum(1 - t[0], 0)
        terms = jax.tree.map(lambda some, own: some.at[first].set(own), terms, begin)
        # A state is multiplied from the left, and here a row from the right.
        found = summed(terms, [power._replace(value=power.value.T) for power in self.powers])
        return self._trees(jax.vmap(plain)(found.value, found.exponent))

    def _trees(self, rows: Array) -> Tree:
        return jax.vmap(ravel_pytree(self.state)[1])(rows)


class Units(NamedTuple):
    """The same, of which the Jacobian is a block for each unit, and may be another one at every step."""

    one: Pullback
    state: Tree
    shape: tuple[int, ...]

    @property
    def affine(self) -> bool:
        return self.one.affine

    def sent_back(self, first: Scaled, kept: Tree, t: Array, terms: Tree | None) -> Scaled:
        rows = None if terms is None else jax.vmap(lambda term: self._row(rescale(term)))(turned(terms))

        def tree(row: Blocks) -> Scaled:
            top = row.exponent.max()
            share = powers.two_to(jnp.maximum(row.exponent - top, -2000), row.value.dtype)
            return rescale(unitwise.tree(row.value[0] * share[None], self.state), top)

        found: Scaled = jax.vmap(tree)(chained(self._row(first), self._factors(kept, t, back=True), rows))
        return found

    def products(self, first: Blocks, kept: Tree, t: Array) -> Blocks:
        return chained(first, self._factors(kept, t, back=True))

    def states(self, state: Tree, xs: Tree, t: Array) -> Tree:
        rows = jax.vmap(lambda offset: self._row(rescale(offset)))(_offsets(self.one, self.state, xs, t))
        # The Jacobian is the same at every state.
        factors = self._factors(jax.vmap(lambda x: self.one.forward(self.state, x)[1])(xs), t)
        factors = factors._replace(value=jnp.swapaxes(factors.value, 1, 2))
        found = chained(self._row(rescale(state)), factors, rows)
        return jax.vmap(lambda row: unitwise.tree(plain(row.value[0], row.exponent[None]), self.state))(found)

    def _factors(self, kept: Tree, t: Array, *, back: bool = False) -> Blocks:
        def one(kept: Tree, t: Array) -> Blocks:
            slope = unitwise.jacobian(lambda sent: self.one.pull(kept, sent)[1], self.state, self.shape)
            still = jnp.eye(len(slope), dtype=slope.dtype)[..., None]
            return unitwise.rescaled(jnp.where(t > 0, slope, still))

        found: Blocks = jax.vmap(one)(*(turned((kept, t)) if back else (kept, t)))
        return found

    def _row(self, tree: Scaled) -> Blocks:
        return unitwise.rescaled(unitwise.numbers(tree.value, self.shape)[None], tree.exponent)


Linear = Powers | Units


def linear(one: Pullback, step: Step, params: Tree, state: Tree, x: Tree, beside: int) -> Linear | None:
    """The steps of this pullback side by side, where that pays; `beside` sequences run there anyway.

    None where a product of two Jacobians is larger than one of them, or one step keeps a card busy.
    """
    if (shape := unitwise.of(one, state, x)) is not None:
        return Units(one, state, shape)
    flat, unravel = ravel_pytree(state)
    alike = len({leaf.dtype for leaf in jax.tree.leaves(state)}) == 1
    if not alike or beside * flat.size**2 > platforms.LAUNCH:
        return None
    # With weights what a step has kept is other at every one, its Jacobian maybe not.
    alone = pullback(step, params, state, x)
    if not alone.linear:
        return None
    _, kept = alone.forward(state, x)
    rows = jax.vmap(lambda row: alone.pull(kept, unravel(row))[1])(jnp.eye(flat.size, dtype=flat.dtype))
    return Powers(squares(jax.vmap(_flat)(rows), wide.LONGEST), alone, state)


def _offsets(one: Pullback, state: Tree, xs: Tree, t: Array) -> Tree:
    """What each step makes of a state of zeros; zeros where there is no step."""
    zero = jax.tree.map(jnp.zeros_like, state)

    def offset(x: Tree, t: Array) -> Tree:
        return jax.tree.map(lambda leaf: jnp.where(t > 0, leaf, 0), one.forward(zero, x)[0])

    return jax.vmap(offset)(xs, t)


def _scaled(trees: Tree) -> Scaled:
    return jax.vmap(lambda tree: rescale(_flat(tree)))(trees)


def _times(rows: Scaled, power: Scaled) -> Scaled:
    return jax.vmap(rescale)(_product(rows.value, power.value), rows.exponent + power.exponent)


def _product(left: Array, right: Array) -> Array:
    return jnp.matmul(left, right, precision="highest")


def _joined(left: Any, right: Any) -> Any:
    return jax.tree.map(lambda one, other: jnp.concatenate([one, other]), left, right)


def _alone(tree: Tree) -> Tree:
    return jax.tree.map(lambda leaf: leaf[None], tree)


def turned(trees: Tree) -> Tree:
    """The last one first."""
    return jax.tree.map(lambda leaf: jnp.flip(leaf, 0), trees)


def _flat(tree: Tree) -> Array:
    return ravel_pytree(tree)[0]
