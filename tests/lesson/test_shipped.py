"""What chapter 7 ships: the numbers of the stored runs, and a passage as their pages hold it."""

import base64
import json
import math
import re
import zlib

import numpy as np
import pytest
from scipy.stats import rankdata

from gradlab.lesson import reading, shipped, words
from gradlab.lesson.guessed import share, visible
from gradlab.studies.neurons import results, table
from gradlab.studies.neurons.rows import cells, detectors
from tests.cli.calling import gradlab
from tests.received import made as received
from tests.stored import READINGS, RESULTS
from tests.stored import reading as stored


@pytest.fixture(scope="module")
def facts():
    return shipped.read()


class Page:
    """The facts and arrays of a viewer, unpacked here once more."""

    def __init__(self, folder):
        text = (folder / "neurons.html").read_text(encoding="utf-8")
        self.facts = json.loads(re.search(r'(?s)id="facts">(.*?)</script>', text)[1])
        self.texts = re.findall(r'(?s)id="array-\d+"[^>]*>([^<]*)<', text)

    def array(self, number):
        about = self.facts["arrays"][number]
        raw = zlib.decompress(base64.b64decode(self.texts[number]))
        values = np.frombuffer(raw, np.dtype(about["dtype"]).newbyteorder("<")).reshape(about["shape"])
        return np.cumsum(values, axis=-1, dtype=values.dtype) if about["delta"] else values


@pytest.mark.parametrize("name", READINGS)
def test_its_numbers_are_those_of_the_stored_run(facts, name):
    run = stored(name)
    about, rows, (cell,) = run.about, detectors(run), cells(run)
    found = facts[name]["document"]
    assert found["schema"] == "gradlab.neurons/1"
    assert found["source"] == about["source"]
    assert facts[name]["command"] == shipped.command(about["settings"])
    assert not cell.is_given
    assert {*found["cells"][0], "is_given"} == {*cell._fields}
    for field in found["cells"][0]:
        value = getattr(cell, field)
        assert found["cells"][0][field] == (
            [list(one) for one in value] if field == "histogram" else None if value != value else value
        )
    assert len(found["data"]) == len(rows)
    for one, row in zip(found["data"], rows, strict=True):
        for field, value in row._asdict().items():
            is_none = isinstance(value, float) and not math.isfinite(value)
            assert one[field] == (None if is_none else value), field


@pytest.mark.parametrize("name", READINGS)
def test_its_passage_is_that_of_the_page(facts, name):
    page, passage = Page(RESULTS / name), facts[name]["passage"]
    symbols = [chr(code) for code in page.facts["vocabulary"]]
    codes = page.array(page.facts["codes"])
    here = slice(passage["start"], passage["start"] + len(passage["text"]))
    assert "".join(symbols[code] for code in codes[here]) == passage["text"]
    (cell,) = page.facts["cells"]
    scores = {one["label"]: one["score"] for one in facts[name]["document"]["data"]}
    compared = 0
    for one in passage["units"]:
        leaf, _, number = one["unit"].partition("/")
        (part,) = (part for part in cell["parts"] if part["id"] == leaf)
        if part["array"] is None:
            continue  # the page computes it from the weights
        kept = page.array(part["array"])[int(number)]
        place = 2 * (rankdata(kept) - 1) / (len(kept) - 1) - 1
        wanted = place if scores[one["label"]] >= 0 else -place
        np.testing.assert_allclose(one["values"], wanted[here], atol=0.0051)
        compared += 1
    assert compared


@pytest.mark.parametrize("name", READINGS)
def test_its_guesses_are_those_of_the_page(facts, name):
    """Taken from every place of the whole text, which the page has with 256 steps of probability."""
    page, passage, found = Page(RESULTS / name), facts[name]["passage"], facts[name]["guesses"]
    symbols = [chr(code) for code in page.facts["vocabulary"]]
    text = "".join(symbols[code] for code in page.array(page.facts["codes"]))
    (cell,) = page.facts["cells"]
    top, odds, place = (page.array(cell[one]) for one in ("top", "probability", "place"))
    assert (found["counted"], place[-1]) == (len(text) - 1, 0)
    kept = np.array(
        [[symbols[code] == came for code in ranks] for ranks, came in zip(top.T, text[1:], strict=False)]
    )
    assert found["first"] == kept[:, 0].sum()
    assert found["among"] == kept.sum() == (place[:-1] <= 5).sum()
    assert len(found["shown"]) == shipped.LONG // shipped.EVERY - 1
    for k, one in enumerate(found["shown"], start=1):
        at = passage["start"] + k * shipped.EVERY - 1
        assert text[: at + 1].endswith(one["before"])
        assert len(one["before"]) == shipped.BEFORE
        assert one["guesses"] == [symbols[code] for code in top[:, at]]
        np.testing.assert_allclose(one["odds"], odds[:, at] / 255, atol=0.005 + 0.5 / 255)
        assert (one["came"], one["rank"]) == (text[at + 1], place[at])


def test_the_command_is_one_that_gradlab_takes(facts):
    for name in READINGS:
        words = facts[name]["command"].split()
        assert words[:2] == ["gradlab", "neurons"]
        said = gradlab(*words[1:], "--dry-run")
        assert said.code == 0, said.err


def test_another_text_is_told_otherwise():
    code, prose = reading.measure(0).readers
    none = code._replace(followers=tuple(one._replace(above=False) for one in code.followers), unread=0.25)
    told = reading.tell(reading.Numbers((none, prose._replace(unread=0.3)), ships=True), 0)
    assert told.figures[2].answer == f"None of {len(code.followers)}."
    assert "Most units have no name" not in told.closing[0]
    assert "25 % of the" in told.closing[0]
    unused = tuple(one._replace(used="not shown") for one in code.followers)
    told = reading.tell(reading.Numbers((code._replace(followers=unused), prose), ships=True), 0)
    assert "That the network uses one of these units is not shown" in told.figures[2].answer


def hold_guesses(guessed, figure):
    for one, row in zip(guessed.shown, figure.drawing.rows, strict=True):
        assert row[0].replace("␣", " ").replace("¶", "\n").replace("→", "\t") == one.before
        assert row[1:3] == (visible(one.came), str(one.rank))
        assert row[3:] == tuple(f"{visible(letter)} {share(p)}" for letter, p in one.guesses)
        assert one.rank > 5 or one.guesses[one.rank - 1][0] == one.came
    ranks = [one.rank for one in guessed.shown]
    assert f"Of {guessed.counted} characters, " in figure.answer
    for count in (guessed.first, guessed.among):
        assert f"{words.number(100 * count / guessed.counted)} %" in figure.answer
    assert figure.answer.endswith(f"{sum(r == 1 for r in ranks)} and {sum(r <= 5 for r in ranks)}.")


def test_every_number_that_is_told_is_one_that_ships():
    found = reading.measure(0)
    told = reading.tell(found, 0)
    parts = (told.figures[k::3] for k in range(3))
    for reader, expected, along, labels in zip(found.readers, *parts, strict=True):
        hold_guesses(reader.guessed, expected)
        for one, row in zip(reader.followers, labels.drawing.rows, strict=True):
            values = [words.number(value, 2) for value in (one.score, one.shifted, one.untrained, one.random)]
            assert row[:6] == (one.label, one.unit, *values)
            assert row[6] == ("yes" if one.above else "no")
        scores = {one.label: words.number(one.score, 2) for one in reader.followers}
        for label, _ in reader.along:
            name, _, unit = label.rpartition(", ")
            assert f"{name}: unit {unit}, score {scores[name]}" in along.answer
        for bits in (reader.bits, reader.untrained_bits):
            assert words.number(bits) in told.paragraphs[0]
        assert reader.command in told.commands


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return received.neurons(tmp_path_factory.mktemp("readings") / "mine")


@pytest.mark.slow
def test_runs_of_one_s_own_stand_in_its_place(made, tmp_path):
    page = tmp_path / "l.html"
    said = gradlab("lesson", "7", "--reading", made, "--reading", made, "-o", page)
    assert said.code == 0, said.err
    html = page.read_text(encoding="utf-8")
    run = results.read(made)
    document = table.document(run)
    (cell,), rows = document["cells"], document["data"]
    assert 'id="c7-text-1-labels"' in html
    assert 'id="c7-text-2-labels"' in html
    assert words.number(cell["bits"]) in html
    assert shipped.command(run.about["settings"]) in html
    assert "ship with the lesson" not in html
    assert f"--reading {made} --reading {made}" in html
    for row in rows:
        assert f"<td>{row['label']}</td><td>{row['unit']}</td>" in html
        assert f"<td>{words.number(row['score'], 2)}</td>" in html


def test_one_run_is_told_as_one(made):
    numbers = reading.measure(0, [made])
    told = reading.tell(numbers, 0)
    assert told.paragraphs[0].startswith("What does a memory remember? A network has learned to predict")
    assert "their numbers" not in told.paragraphs[0]
    assert "on this text" in told.closing[0]
    assert len(told.commands) == 1


def test_a_run_of_so_many_minutes_is_not_said_to_be_computed_again():
    (reader, _), _ = reading.measure(0)
    for command, said in (
        (reader.command, "and the command below computes them again."),
        ("gradlab neurons --minutes 2", "and the command below trains for as many minutes."),
    ):
        alone = reading.Numbers((reader._replace(command=command),), ships=False)
        assert reading.tell(alone, 0).paragraphs[0].endswith(said)


def test_where_no_unit_stands_out_there_is_no_passage_to_show():
    (reader, _), _ = reading.measure(0)
    alone = reading.Numbers((reader._replace(along=()),), ships=False)
    assert [figure.name for figure in reading.tell(alone, 0).figures] == ["code-guesses", "code-labels"]


REFUSED = {
    "another chapter": (("3", "--reading", "RUN"), "error: --reading: goes with chapter 7;"),
    "nothing": (("7", "--reading", "nothing"), "error: nothing: no such folder;"),
    "too many": (("7", *("--reading", "RUN") * 9), "error: --reading: is given 9 times; at most 8 runs"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_run_that_cannot_be_told_is_a_line(made, tmp_path, case):
    asked, line = REFUSED[case]
    place = tmp_path / "l.html"
    said = gradlab("lesson", *(word.replace("RUN", str(made)) for word in asked), "-o", place)
    assert (said.code, said.out, place.exists()) == (2, "", False)
    assert said.err.startswith(line)


def test_a_run_of_several_cells_is_refused(tmp_path):
    place = received.neurons(tmp_path / "two", cells=("lstm", "gru"))
    said = gradlab("lesson", "7", "--reading", place)
    assert said.code == 2
    assert "holds 2 cells, lstm, gru; the chapter tells of one" in said.err
