"""Who found what and when: the works behind the chapters, in the order of their years."""

from collections.abc import Iterable
from typing import NamedTuple


class Source(NamedTuple):
    """A work, and what it found in one sentence."""

    year: int
    authors: str
    title: str
    place: str
    """Where it appeared."""
    found: str
    chapters: tuple[int, ...]
    """That build on it."""


SOURCES = (
    Source(
        1991,
        "S. Hochreiter",
        "Untersuchungen zu dynamischen neuronalen Netzen",
        "Diploma thesis, Technische Universität München",
        "Showed that an error sent back through time fades or grows exponentially with the number of steps.",
        (1, 2),
    ),
    Source(
        1994,
        "Y. Bengio, P. Simard, P. Frasconi",
        "Learning long-term dependencies with gradient descent is difficult",
        "IEEE Transactions on Neural Networks 5",
        "Showed that a network which holds a bit safely against noise is one whose gradient vanishes, so "
        "that descent hardly learns from what lies far back.",
        (2, 3),
    ),
    Source(
        1997,
        "S. Hochreiter, J. Schmidhuber",
        "Long short-term memory",
        "Neural Computation 9",
        "Gave each unit a memory that is carried with weight exactly 1, and gates that write to it and show "
        "it.",
        (5, 6),
    ),
    Source(
        2000,
        "F. A. Gers, J. Schmidhuber, F. Cummins",
        "Learning to forget: continual prediction with LSTM",
        "Neural Computation 12",
        "Added the forget gate, so that a memory which would pile up can empty itself.",
        (6,),
    ),
    Source(
        2000,
        "F. A. Gers, J. Schmidhuber",
        "Recurrent nets that time and count",
        "International Joint Conference on Neural Networks",
        "Let the gates see the memory itself, through peepholes.",
        (6,),
    ),
    Source(
        2001,
        "H. Jaeger",
        'The "echo state" approach to analysing and training recurrent neural networks',
        "GMD Report 148",
        "Left the recurrent weights as they were drawn, and fitted the readout alone.",
        (5,),
    ),
    Source(
        2013,
        "R. Pascanu, T. Mikolov, Y. Bengio",
        "On the difficulty of training recurrent neural networks",
        "International Conference on Machine Learning",
        "Drew the cliff in the error surface of one unit, and proposed clipping against the exploding "
        "gradient and a penalty against the vanishing one.",
        (2, 4),
    ),
    Source(
        2014,
        "K. Cho, B. van Merriënboer, C. Gulcehre, D. Bahdanau, F. Bougares, H. Schwenk, Y. Bengio",
        "Learning phrase representations using RNN encoder-decoder for statistical machine translation",
        "Empirical Methods in Natural Language Processing",
        "Had one network read a whole phrase before another writes its translation, with the gated unit that "
        "is now called GRU.",
        (1, 6),
    ),
    Source(
        2015,
        "K. Greff, R. K. Srivastava, J. Koutník, B. R. Steunebrink, J. Schmidhuber",
        "LSTM: a search space odyssey",
        "arXiv:1503.04069; IEEE Transactions on Neural Networks and Learning Systems 28, 2017",
        "Changed the LSTM in eight ways: none was significantly better than the usual one, and the forget "
        "gate and the output activation mattered most.",
        (6,),
    ),
    Source(
        2015,
        "A. Karpathy, J. Johnson, L. Fei-Fei",
        "Visualizing and understanding recurrent networks",
        "arXiv:1506.02078",
        "Found units of a trained LSTM that follow quotes, brackets or the length of a line, and counted how "
        "often its gates are saturated.",
        (7,),
    ),
    Source(
        2015,
        "A. Karpathy",
        "The unreasonable effectiveness of recurrent neural networks",
        "Article of 21 May 2015, karpathy.github.io",
        "Showed what networks write that were trained on text character by character, and what some of their "
        "units follow.",
        (7,),
    ),
    Source(
        2015,
        "C. Olah",
        "Understanding LSTM networks",
        "Article of 27 August 2015, colah.github.io",
        "Explained the LSTM and its variants step by step, in diagrams of one visual language.",
        (5, 6),
    ),
)
"""By year."""


def sources(numbers: Iterable[int]) -> tuple[Source, ...]:
    """Those behind these chapters.

    >>> [source.year for source in sources([4])]
    [2013]
    """
    asked = set(numbers)
    return tuple(source for source in SOURCES if asked & set(source.chapters))
