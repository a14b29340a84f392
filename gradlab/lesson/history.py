"""Who found what and when: the works behind the chapters, in the order of their years."""

from collections.abc import Iterable
from typing import NamedTuple

from gradlab.lesson.languages import Language


class Source(NamedTuple):
    """A work, and what it found."""

    year: int
    authors: str
    title: str
    place: str
    """Where it appeared, a name of no language."""
    key: str
    """Of what it found."""
    chapters: tuple[int, ...]
    """That build on it."""
    kind: str = ""
    """The key of what `place` is said with, where it is not said alone."""

    def found(self, language: Language) -> str:
        """What it found, in one sentence."""
        say = language.of("history")
        return say(self.key)

    def where(self, language: Language) -> str:
        """Where it appeared."""
        say = language.of("history")
        return say(self.kind, place=self.place) if self.kind else self.place


SOURCES = (
    Source(
        1991,
        "S. Hochreiter",
        "Untersuchungen zu dynamischen neuronalen Netzen",
        "Technische Universität München",
        "hochreiter",
        (1, 2),
        "diploma_thesis",
    ),
    Source(
        1994,
        "Y. Bengio, P. Simard, P. Frasconi",
        "Learning long-term dependencies with gradient descent is difficult",
        "IEEE Transactions on Neural Networks 5",
        "bengio",
        (2, 3),
    ),
    Source(
        1997,
        "S. Hochreiter, J. Schmidhuber",
        "Long short-term memory",
        "Neural Computation 9",
        "lstm",
        (5, 6),
    ),
    Source(
        2000,
        "F. A. Gers, J. Schmidhuber, F. Cummins",
        "Learning to forget: continual prediction with LSTM",
        "Neural Computation 12",
        "forget_gate",
        (6,),
    ),
    Source(
        2000,
        "F. A. Gers, J. Schmidhuber",
        "Recurrent nets that time and count",
        "International Joint Conference on Neural Networks",
        "peepholes",
        (6,),
    ),
    Source(
        2001,
        "H. Jaeger",
        'The "echo state" approach to analysing and training recurrent neural networks',
        "GMD Report 148",
        "echo_state",
        (5,),
    ),
    Source(
        2013,
        "R. Pascanu, T. Mikolov, Y. Bengio",
        "On the difficulty of training recurrent neural networks",
        "International Conference on Machine Learning",
        "cliff",
        (2, 4),
    ),
    Source(
        2014,
        "K. Cho, B. van Merriënboer, C. Gulcehre, D. Bahdanau, F. Bougares, H. Schwenk, Y. Bengio",
        "Learning phrase representations using RNN encoder-decoder for statistical machine translation",
        "Empirical Methods in Natural Language Processing",
        "encoder_decoder",
        (1, 6),
    ),
    Source(
        2015,
        "K. Greff, R. K. Srivastava, J. Koutník, B. R. Steunebrink, J. Schmidhuber",
        "LSTM: a search space odyssey",
        "arXiv:1503.04069; IEEE Transactions on Neural Networks and Learning Systems 28, 2017",
        "odyssey",
        (6,),
    ),
    Source(
        2015,
        "A. Karpathy, J. Johnson, L. Fei-Fei",
        "Visualizing and understanding recurrent networks",
        "arXiv:1506.02078",
        "visualizing",
        (7,),
    ),
    Source(
        2015,
        "A. Karpathy",
        "The unreasonable effectiveness of recurrent neural networks",
        "karpathy.github.io",
        "unreasonable",
        (7,),
        "of_21_may_2015",
    ),
    Source(
        2015,
        "C. Olah",
        "Understanding LSTM networks",
        "colah.github.io",
        "understanding",
        (5, 6),
        "of_27_august_2015",
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


def in_chapters(source: Source, language: Language) -> str:
    """Which chapters build on it.

    >>> from gradlab.lesson.languages import ENGLISH
    >>> in_chapters(SOURCES[0], ENGLISH)
    'Chapters 1 and 2.'
    """
    say = language.of("page")
    if len(source.chapters) == 1:
        return say("in_chapter", chapter=source.chapters[0])
    return say("in_chapters", chapters=say.listed([str(chapter) for chapter in source.chapters]))
