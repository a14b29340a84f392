"""Handwritten digits, pixel by pixel."""

import dataclasses
import functools
import importlib
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from gradlab.errors import Exit, GradlabError
from gradlab.tasks import _common
from gradlab.types import Example, Key, Scalar, Task

PIXELS = 64
TRAINED = 1437
"""Images that `part=train` draws from; `part=test` draws from the other 360."""


@dataclasses.dataclass(frozen=True)
class Digits(Task):
    """Name the digit in an 8 x 8 image that comes in as one row of 64 pixels, from 0 to 1.

    x_t = pixel ceil(t / hold),  hold = floor(T / 64) steps a pixel;  class = the digit

    The steps beyond 64 hold are empty. `permuted` shuffles the pixels, every image in the same way. The
    chance level is the entropy of the part's classes, in nats. The images are those of scikit-learn, which
    must be installed.

    Reference: Alpaydin, Kaynak 1998, Optical recognition of handwritten digits; as a row of pixels, Le,
    Jaitly, Hinton 2015, A simple way to initialize recurrent networks of rectified linear units.
    """

    permuted: bool = False
    part: Literal["train", "test"] = "train"

    form = "many to one"
    sizes = (1, 10)
    least = PIXELS
    solved = 0.1

    def sample(self, key: Key, T: int) -> Example:
        _common.check_length(T, self.least)
        hold = T // PIXELS
        length = jnp.asarray(hold * PIXELS)
        images, classes = (jnp.asarray(half) for half in self._images())
        chosen = jax.random.randint(key, (), 0, len(classes))
        pixels = images[chosen].astype(float)
        if self.permuted:
            pixels = pixels[np.random.RandomState(0).permutation(PIXELS)]
        xs = jnp.zeros((T, 1), float).at[: hold * PIXELS, 0].set(jnp.repeat(pixels, hold))
        return Example(xs, *_common.at_last(classes[chosen], length, T), length)

    def loss(self, outputs: Float[Array, "T outputs"], example: Example) -> Scalar:
        return _common.cross_entropy(outputs, example.target, example.counted)

    def error(self, outputs: Float[Array, "T outputs"], example: Example) -> Scalar:
        return _common.share_wrong(outputs, example.target, example.counted)

    def chance(self, T: int) -> float:
        _common.check_length(T, self.least)
        return _common.entropy(self._images()[1])

    def _images(self) -> tuple[Any, Any]:
        """Pixels (images, 64) and classes of the part."""
        images, classes = load()
        return (
            (images[:TRAINED], classes[:TRAINED])
            if self.part == "train"
            else (images[TRAINED:], classes[TRAINED:])
        )


@functools.cache
def load() -> tuple[Any, Any]:
    """All images as rows of 64 pixels from 0 to 1, and their digits; GradlabError without scikit-learn."""
    try:
        datasets = importlib.import_module("sklearn.datasets")
    except ImportError as error:
        what = "digits needs scikit-learn, which is not installed; pip install 'gradlab[digits]'"
        raise GradlabError("TASK", what, Exit.ENVIRONMENT) from error
    images, classes = datasets.load_digits(return_X_y=True)
    return images / 16.0, classes.astype(int)
