"""The optimisers: what they make of a gradient, without the learning rate."""

from collections.abc import Callable
from typing import Any, get_args

import jax
import optax

from gradlab.studies.remedies.settings import Optimizer

Tree = Any
OPTIMIZERS: tuple[str, ...] = get_args(Optimizer)


def rule(name: Optimizer) -> optax.GradientTransformation:
    """The optimiser of that name, without its learning rate: -rate times its result is the update.

    sgd: g;   momentum: v = 0.9 v + g
    rmsprop: v = 0.9 v + 0.1 g^2 from v = 0,   g / (sqrt(v) + 1e-8)
    adam: m = 0.9 m + 0.1 g,  v = 0.999 v + 0.001 g^2, both freed of their start at 0,   m / (sqrt(v) + 1e-8)

    The 1e-8 stands outside the root, as in PyTorch: only gradients below about 1e-8 move a weight less than
    others do. Inside it, optax's default for rmsprop, it would be a floor of 1e-4.

    Reference: Tieleman, Hinton 2012, Lecture 6.5: RMSProp; Kingma, Ba 2015, Adam.
    """
    rules: dict[Optimizer, Callable[[], optax.GradientTransformation]] = {
        "sgd": optax.identity,
        "momentum": lambda: optax.trace(0.9),
        "adam": optax.scale_by_adam,
        "rmsprop": lambda: optax.scale_by_rms(0.9, 1e-8, eps_in_sqrt=False),
    }
    made = rules[name]()

    def update(gradient: Tree, state: Tree, params: Tree = None) -> tuple[Tree, Tree]:
        # optax works out powers of its step count, whatever the promotion that its caller allows.
        with jax.numpy_dtype_promotion("standard"):
            found: tuple[Tree, Tree] = made.update(gradient, state, params)
            return found

    return optax.GradientTransformation(made.init, update)
