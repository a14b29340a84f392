import math
from collections import Counter

import jax.numpy as jnp
import numpy as np
import pytest

from gradlab import registry
from gradlab.errors import GradlabError
from gradlab.tasks import _grammar
from gradlab.tasks.characters import Characters
from gradlab.testing.sequences import draw, judged

TEXT = "wer übt, der kann: „ja“ "


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "text.txt"
    file.write_text(TEXT * 10, encoding="utf-8")
    return str(file)


def spoken(task, rows):
    return ["".join(task.alphabet[code] for code in row) for row in rows]


@pytest.mark.parametrize(("part", "share"), [("train", TEXT * 9), ("test", TEXT)])
def test_every_sequence_is_a_piece_of_the_ring(path, part, share):
    task = Characters(text=path, part=part)
    examples = draw(task, 12, 100)
    assert task.alphabet == "".join(sorted(set(TEXT)))
    for went_in, asked in zip(
        spoken(task, examples.xs.argmax(axis=2)), spoken(task, examples.target), strict=True
    ):
        assert went_in[1:] + asked[-1] == asked
        assert went_in + asked[-1] in share + share


def test_chance_is_reached_by_the_frequencies_of_the_text_over_all_its_places(path):
    task = Characters(text=path, part="test")
    odds = Counter(TEXT)
    entropy = -sum(n / len(TEXT) * math.log(n / len(TEXT)) for n in odds.values())
    assert task.chance(5) == pytest.approx(entropy, rel=1e-13)
    logits = np.log([odds[letter] / len(TEXT) for letter in task.alphabet])
    examples = draw(task, 5, 400)
    starts = {piece: b for b, piece in enumerate(spoken(task, examples.target))}
    every = list(starts.values())
    assert len(every) == len(TEXT)
    outputs = jnp.broadcast_to(logits, (len(every), 5, len(logits)))
    losses, _, _ = judged(task, outputs, type(examples)(*(leaf[every] for leaf in examples)))
    assert losses.mean() == pytest.approx(entropy, rel=1e-13)


def test_the_text_that_is_made_is_the_same_everywhere_and_closes_what_it_opens():
    text = _grammar.text()
    assert text.startswith(
        "the river is green. the river is late. nobody finds the letter, (the teacher remarks"
    )
    assert len(text) >= 50_000
    depth = np.cumsum([{"(": 1, ")": -1}.get(letter, 0) for letter in text])
    assert depth.min() == depth[-1] == 0
    assert depth.max() >= 4
    assert text.count('"') % 2 == 0
    assert not set(_grammar.RULES) & set(text.replace('"', " ").split()) - {"says"}


def test_a_text_that_cannot_be_read(tmp_path):
    (tmp_path / "short").write_text("abc")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00" * 20)
    with pytest.raises(ValueError, match="must have at least 20 characters"):
        Characters(text=str(tmp_path / "short"))
    with pytest.raises(ValueError, match="must be a readable UTF-8 file"):
        Characters(text=str(tmp_path / "binary"))
    with pytest.raises(GradlabError, match=r"text=/nowhere must be a readable UTF-8 file \(No such file"):
        registry.make("tasks", "characters(text=/nowhere)")
    with pytest.raises(ValueError, match=r"goal=1.5 must be in \[0, 1\]"):
        Characters(goal=1.5)
