"""Steps of a linear recurrence taken side by side, in as many rounds as their number has binary digits.

What many steps do together is the product of their Jacobians. Two kinds of it are no larger than that of one
step: powers of one matrix, and blocks of units that reach themselves alone. All numbers have an exponent
beside them, for many steps together leave every range. A GPU, where the start of a kernel takes longer than
the arithmetic of a step, is sooner done with it than with one step after the other.

Reference: Blelloch 1990, Prefix sums and their applications; Martin, Cundy 2018, Parallelizing linear
recurrent neural nets over sequence length.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.flatten_util import ravel_pytree
from jaxtyping import Float, Int

from gradlab.recurrence import blocks, cutting, platforms, powers, unitwise, wide
from gradlab.recurrence.pullback import Pullback, pullback
from gradlab.recurrence.scaled import ZERO_EXPONENT, add, rescale
from gradlab.recurrence.unitwise import Blocks
from gradlab.types import Scaled, Step

Tree = Any


class Power(NamedTuple):
    """A power of a matrix: entry (i, j) is `value * 2**(rows[i] + columns[j])`.

    What a vector keeps apart from the largest numbers of a power is not lost beside them.
    """

    value: Float[Array, "S S"]
    rows: Int[Array, " S"]
    columns: Int[Array, " S"]


def squares(matrix: Float[Array, "S S"], count: int) -> list[Power]:
    """Its powers 1, 2, 4, ... up to `count`, in float64 until they are there.

    In float32 each square would double what the one before is off by, and every segment takes the same ones.
    """
    found = []
    with jax.enable_x64(True):
        power = blocks.scaled(matrix.astype("float64"))
        while True:
            columns = blocks.scaled(power.value.T)
            value = columns.value.T.astype(matrix.dtype)
            found.append(Power(value, power.exponent, _or_zero(columns.exponent)))
            if 2 ** len(found) > count:
                return found
            left, top = jax.vmap(_aligned, (0, None))(power.value, power.exponent)
            power = blocks.scaled(_product(left, power.value), power.exponent + top)


def repeated(first: Scaled, squared: Sequence[Power], count: int) -> Scaled:
    """`first` (..., S), and its products with the powers 1..count of a matrix, by its `squares`."""
    found = _alone(first)
    for power in squared:
        left = count + 1 - len(found.exponent)
        some = jax.tree.map(lambda leaf, left=left: leaf[:left], found)
        if len(some.exponent):
            found = _joined(found, _times(some, power))
    return Scaled(*found)


def summed(terms: Scaled, squared: Sequence[Power]) -> Scaled:
    """Of terms (K, S), an exponent each: `sum_k = term_k + sum_{k-1} matrix`, by its `squares`."""
    for before, after, begin, power in _doubled(terms, squared):
        terms = Scaled(*_joined(begin(terms), jax.vmap(add)(after(terms), _times(before(terms), power))))
    return terms


def plain_sums(terms: Float[Array, "K S"], squared: Sequence[Power]) -> Float[Array, "K S"]:
    """The same of plain numbers: each is as exact as in a loop, however far it lies below the others."""
    for before, after, begin, power in _doubled(terms, squared):
        pushed = _product(powers.scaled(before(terms), power.rows[None]), power.value)
        more = after(terms) + powers.scaled(pushed, power.columns[None])
        terms = jnp.concatenate([begin(terms), more])
    return terms


def _doubled(terms: Tree, squared: Sequence[Power]) -> Iterator[tuple[Any, Any, Any, Power]]:
    """Of sums of 1, 2, 4, ... terms: which get as many before them, which these are, and which have all."""
    count, reach = len(jax.tree.leaves(terms)[0]), 1
    for power in squared:
        if reach >= count:
            return
        yield _cut(slice(-reach)), _cut(slice(reach, None)), _cut(slice(reach)), power
        reach *= 2


def _cut(part: slice) -> Callable[[Tree], Tree]:
    return lambda trees: jax.tree.map(lambda leaf: leaf[part], trees)


def chained(
    first: Blocks, factors: Blocks, terms: Blocks | None = None, onto: Callable[..., Blocks] = unitwise.times
) -> Blocks:
    """`first`, and `next = onto(last, factor) + term`, unit by unit, for factors (K, m, m, N)."""
    begin, many = _alone(first), jax.vmap(onto)
    if terms is None:
        products: Blocks = jax.lax.associative_scan(many, factors)
        after_first: Blocks = jax.vmap(onto, (None, 0))(first, products)
        return Blocks(*_joined(begin, after_first))

    def after(one: tuple[Blocks, Blocks], two: tuple[Blocks, Blocks]) -> tuple[Blocks, Blocks]:
        return many(one[0], two[0]), jax.vmap(unitwise.plus)(many(one[1], two[0]), two[1])

    # The first one is a term, too, of a factor that nothing is before.
    pairs = _joined(jax.tree.map(lambda leaf: leaf[:1], factors), factors), _joined(begin, terms)
    found: Blocks = jax.lax.associative_scan(after, pairs)[1]
    return found


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
            found = summed(_joined(_alone(flat), more), self.back)
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
            value, top = _aligned(row.value[0], row.exponent[0])
            return rescale(unitwise.tree(value, self.state), top)

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
    if (shape := unitwise.of(one, state, x)) is not None:
        return Units(one, state, shape, _affine(step, params, state, x))
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
    matrix = jax.vmap(_flat)(rows)
    back, forward = (squares(one, wide.LONGEST) for one in (matrix, matrix.T))
    return Powers(back, forward, alone, state, _affine(step, params, state, x))


def _affine(step: Step, params: Tree, state: Tree, x: Tree) -> bool:
    """Whether the next state is a linear function of the state, and an offset.

    By the operations of the step itself: one whose derivative somebody has set is none of those known.
    """
    jaxpr = jax.make_jaxpr(step)(params, state, x).jaxpr
    first, count = len(jax.tree.leaves(params)), len(jax.tree.leaves(state))
    bent = cutting.bent(jaxpr.eqns, jaxpr.invars[first : first + count])
    return not any(var in bent for var in cutting.variables(jaxpr.outvars))


def _offsets(one: Pullback, state: Tree, xs: Tree, t: Array) -> Tree:
    """What each step makes of a state of zeros; zeros where there is no step."""
    zero = jax.tree.map(jnp.zeros_like, state)

    def offset(x: Tree, t: Array) -> Tree:
        return jax.tree.map(lambda leaf: jnp.where(t > 0, leaf, 0), one.forward(zero, x)[0])

    return jax.vmap(offset)(xs, t)


def _times(rows: Scaled, power: Power) -> Scaled:
    """Each item of rows (K, ..., S), an exponent each, times a power."""
    left, top = jax.vmap(_aligned, (0, None))(rows.value, power.rows)
    value, more = jax.vmap(_aligned, (0, None))(_product(left, power.value), power.columns)
    return jax.vmap(rescale)(value, rows.exponent + top + more)


def _aligned(value: Float[Array, "*axes"], exponent: Int[Array, " S"]) -> tuple[Array, Array]:
    """`value * 2**exponent` by its last axis, the largest entry near 1, and the exponent that this takes."""
    exponent = jnp.broadcast_to(exponent, value.shape)
    top = jnp.where(value == 0, ZERO_EXPONENT, powers.exponent(value) + exponent).max()
    top = _or_zero(top)
    return powers.scaled(value, exponent - top), top


def _or_zero(exponent: Array) -> Array:
    """Nothing in the place of the exponent of a zero, which may be added to."""
    return jnp.where(exponent < ZERO_EXPONENT // 2, 0, exponent).astype(jnp.int32)


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
