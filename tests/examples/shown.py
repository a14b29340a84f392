"""The examples of trained networks: what each says, and what it needs beyond the README's installation."""

from pathlib import Path
from typing import NamedTuple

HOME = Path(__file__).parents[2] / "examples" / "trained"
VERDICT = r"\w+, this network, T = \d+: (VANISH|STABLE|EXPLODE); .*\n"


class Example(NamedTuple):
    """What is known of a script."""

    says: str
    """A pattern of all that it prints."""
    needs: tuple[str, ...] = ()
    slow: bool = False
    """Whether it trains something first."""


EXAMPLES = {
    "trained_lstm": Example(VERDICT + r"(2008 teaches W_hh of \d{4}, \d\d years before 2007: .*\n){3}"),
    "truncated_lstm": Example(r"Forecaster, T = 60, .*cut exactly at lag 10: .*\n(.*\n)+", ("torch",)),
    "nan_in_a_batch": Example(
        r"At T = 30 .*, unit_rnn is not finite in 1 of 6 sequences \(going back first at step 17\)\.\n"
        r"sequence 3: the backward pass is not finite at step 17\n"
    ),
    "digits_by_row": Example(
        r"9\d\.\d% of 297 digits .*\nAt T = 8 .*\n(after row [1-8]: 10\^-?\d\.\d\n){8}", ("sklearn",)
    ),
    "own_text_model": Example(
        r"gru\(reset=after_bias\): \d\.\d+ bits per character .*\n +label +unit .*\n(.+\n)+", ("torch",)
    ),
    "text_model": Example(r"[12]\.\d\d bits a character .*\n" + VERDICT, slow=True),
}
TRAINING = ("train_sunspots",)
"""What trains the network of another example, and writes its weights."""
