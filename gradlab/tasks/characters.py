"""Character prediction."""

import dataclasses
import functools
from pathlib import Path
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from gradlab.runs import files
from gradlab.tasks import _common, _grammar
from gradlab.types import Example, Key, Scalar, Task

TRAINED = 0.9
"""Share of the text that `part=train` reads; `part=test` reads the rest."""
LARGEST = 10**8
"""Bytes of a text."""


@dataclasses.dataclass(frozen=True)
class Characters(Task):
    """Predict the next character of a text.

    x_t = one-hot(c_t),  y_t = c_{t+1},  c_1 anywhere in the text, which is read as a ring

    `text` is the path of a UTF-8 file; without one the text is made from a small grammar, with nested
    brackets and quoted speech. `part` is the first nine tenths or the last tenth of it. The chance level
    is the entropy of the part's characters, in nats. No text is ever predicted without error: solved means
    a share of `goal` wrong.

    Reference: Sutskever, Martens, Hinton 2011, Generating text with recurrent neural networks; Karpathy,
    Johnson, Li 2015, Visualizing and understanding recurrent networks.
    """

    text: Path | str | None = None
    part: Literal["train", "test"] = "train"
    goal: float = 0.4
    shortest: int = 0

    form = "many to many"
    least = 2

    def __post_init__(self) -> None:
        if not 0 <= self.goal <= 1:
            raise ValueError(f"goal={self.goal} must be in [0, 1]")
        try:
            codes(self.text)
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise ValueError(f"text={self.text} must be a readable UTF-8 file ({why})") from error
        if len(codes(self.text)[1]) < 20:
            raise ValueError(f"text={self.text} must have at least 20 characters")
        _common.check_shortest(self)

    @property
    def alphabet(self) -> str:
        """The characters of the whole text, in the order of the inputs and outputs."""
        return codes(self.text)[0]

    @property
    def sizes(self) -> tuple[int, int]:
        return len(self.alphabet), len(self.alphabet)

    @property
    def solved(self) -> float:
        return self.goal

    @property
    def _codes(self) -> Any:
        whole = codes(self.text)[1]
        border = int(TRAINED * len(whole))
        return whole[:border] if self.part == "train" else whole[border:]

    def sample(self, key: Key, T: int) -> Example:
        key_length, key_start = jax.random.split(key)
        length = _common.draw_length(key_length, _common.lengths(self, T))
        ring = jnp.asarray(self._codes)
        start = jax.random.randint(key_start, (), 0, len(ring))
        row = ring[(start + jnp.arange(T + 1)) % len(ring)]
        present = _common.within(length, T)
        xs = _common.one_hot(row[:-1], len(self.alphabet), present)
        return Example(xs, jnp.where(present, row[1:], 0), present.astype(float), length)

    def loss(self, outputs: Float[Array, "T outputs"], example: Example) -> Scalar:
        return _common.cross_entropy(outputs, example.target, example.counted)

    def error(self, outputs: Float[Array, "T outputs"], example: Example) -> Scalar:
        return _common.share_wrong(outputs, example.target, example.counted)

    def chance(self, T: int) -> float:
        _common.lengths(self, T)
        return _common.entropy(self._codes)


@functools.cache
def codes(path: Path | str | None) -> tuple[str, Any]:
    """The alphabet of a text, and the text as places in it; a file is read once."""
    text = _grammar.text() if path is None else files.named(Path(path), LARGEST).decode()
    alphabet, places = np.unique(list(text), return_inverse=True)
    return "".join(alphabet), places
