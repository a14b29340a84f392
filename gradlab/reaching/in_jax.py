"""A callable that JAX differentiates, as a model."""

import contextlib
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from gradlab.errors import GradlabError
from gradlab.reaching.models import Array, Format, Model, failed, last, named, require_outputs
from gradlab.recurrence.generic import generic


def model(fn: Callable[[Any], Any], xs: Any, x64: bool = False) -> Model:
    """The model that a function of JAX is at inputs (T, ...).

    Raises:
      GradlabError: if it fails, or gives no floating-point number.
    """
    scope = (lambda: jax.enable_x64(True)) if x64 else contextlib.nullcontext
    with scope():
        given = jnp.asarray(xs)
        T = len(given)

        def flat(x: Any) -> Any:
            return jnp.ravel(jnp.asarray(last(fn(x), T)))

        def sent(x: Any, seeds: Any) -> Any:
            pull = jax.vjp(flat, x)[1]
            return jax.vmap(lambda seed: pull(seed)[0])(seeds)

        run: Callable[[Any], Any] = jax.jit(flat)
        back: Callable[[Any, Any], Any] = jax.jit(sent)
        try:
            form = jax.eval_shape(flat, given)
        except jax.errors.JAXTypeError:
            # It decides on numbers, in Python: it runs, and cannot be compiled.
            form, run, back = flat(given), flat, sent
        except GradlabError:
            raise
        except Exception as error:
            raise failed(error, f"an array {given.dtype}{list(given.shape)}") from error
        if not jnp.issubdtype(form.dtype, jnp.floating):
            raise GradlabError("fn", f"gives {form.dtype}; a gradient needs real floating-point numbers")
        require_outputs(form.size)

    def scoped(call: Callable[..., Any]) -> Callable[..., Any]:
        def inner(*args: Any) -> Any:
            with scope():
                return call(*args)

        return inner

    def value(inputs: Array) -> Array:
        return _host(run(jnp.asarray(inputs, given.dtype)))

    def pulled(k: int) -> Array:
        return _host(back(given, jnp.eye(form.size, dtype=form.dtype) * jnp.asarray(2.0**k, form.dtype)))

    def unrounded() -> NDArray[np.bool_] | None:
        try:
            sent = generic(lambda x, v: jax.vjp(flat, x)[1](v)[0])(given, _ones(form))
        except Exception:
            # A primitive that the generic derivative does not know, or a forward pass in Python.
            return None
        return np.array(np.asarray(sent != 0).reshape(T, -1).any(axis=1), bool)

    def wide() -> Model | None:
        if form.dtype == jnp.float64:
            return None
        try:
            made = model(fn, np.asarray(given.astype(jnp.float32), np.float64), x64=True)
        except Exception:
            # Numbers of its own in a narrower format, which do not mix with float64.
            return None
        return made if made.format.name == "float64" else None

    return Model(
        named(fn),
        _format(form.dtype),
        _host(given),
        scoped(value),
        scoped(pulled),
        scoped(unrounded),
        wide,
        int(form.size),
    )


def _ones(form: Any) -> Any:
    return jnp.asarray(1 + np.random.default_rng(0).random(form.size), form.dtype)


def _host(array: Any) -> Array:
    # Half precision has no form of its own in numpy's arithmetic.
    narrow = array.dtype.itemsize < 4
    return np.asarray(array.astype(jnp.float32) if narrow else array).astype(np.float64)


def _format(dtype: Any) -> Format:
    info = jnp.finfo(dtype)  # type: ignore[no-untyped-call]
    return Format(str(dtype), float(info.eps), float(info.smallest_normal), int(info.maxexp) - 1)
