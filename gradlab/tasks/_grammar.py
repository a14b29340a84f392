"""A text that is made, not shipped: sentences of a small grammar with speech and nested brackets."""

import functools
import random
import re

RULES = {
    "sentence": ("statement. ", "statement. ", "statement, aside. ", 'person says "statement." '),
    "statement": ("the thing is quality", "person verbs the thing", "person verbs the quality thing"),
    "aside": ("(statement)", "(statement, aside)", '(person says "statement")'),
    "person": ("the student", "the teacher", "a neighbour", "nobody", "everyone"),
    "thing": ("river", "letter", "window", "garden", "old clock", "lesson", "road"),
    "quality": ("green", "long", "quiet", "late", "open", "lost"),
    "verbs": ("watches", "forgets", "remembers", "finds", "opens", "describes"),
    "says": ("remarks", "asks", "answers"),
}
"""Each word that is a key stands for one of its phrases, all equally likely."""


@functools.cache
def text(characters: int = 50_000) -> str:
    """Whole sentences, at least so many characters of them; the same in every run."""
    drawn = random.Random(1990)
    made = ""
    while len(made) < characters:
        made += _phrase("sentence", drawn)
    return made


def _phrase(word: str, drawn: random.Random) -> str:
    """A phrase for the word; `random()` is the one method whose numbers are promised to stay."""
    if word not in RULES:
        return word
    phrase = RULES[word][int(drawn.random() * len(RULES[word]))]
    return re.sub(r"\w+", lambda found: _phrase(found[0], drawn), phrase)
