"""The page without a browser: what may run in it, how large it is, and that what stands in a run is text."""

import base64
import hashlib
import json
import re

import numpy as np
import pytest

from gradlab.errors import Exit, GradlabError
from gradlab.viewer import equations
from gradlab.viewer.contents import contents
from gradlab.viewer.page import SCRIPTS, page, write
from tests.report.hostile import HOSTILE
from tests.report.pages import Page
from tests.viewer import made


@pytest.fixture(scope="module")
def html():
    return page(made.run(("lstm", "gru"), characters=400)).decode()


def test_the_same_run_gives_the_same_bytes(html):
    assert page(made.run(("lstm", "gru"), characters=400)).decode() == html


def test_it_is_put_into_the_folder_of_the_run(html, tmp_path):
    run = made.run(("lstm", "gru"), characters=400)
    for _ in range(2):
        assert write(tmp_path, run) == tmp_path / "neurons.html"
    assert (tmp_path / "neurons.html").read_text(encoding="utf-8") == html
    (tmp_path / "file").write_text("")
    with pytest.raises(GradlabError) as told:
        write(tmp_path / "file", run)
    assert told.value.code == Exit.STORAGE


def test_only_its_own_scripts_may_run(html):
    """Each by its hash: what a run might smuggle in has none."""
    found = Page(html)
    policy = next(meta["content"] for meta in found.all("meta") if meta.get("http-equiv"))
    texts = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    assert len(texts) == len(SCRIPTS)
    digest = lambda text: f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
    parts = dict(part.split(" ", 1) for part in policy.split("; "))
    assert parts["default-src"] == parts["base-uri"] == parts["form-action"] == "'none'"
    assert parts["script-src"].split() == [digest(text) for text in texts]
    assert parts["style-src"] == digest(re.search(r"<style>(.*?)</style>", html, re.DOTALL)[1])
    assert parts["img-src"] == "data:"


def test_it_asks_for_nothing_from_elsewhere(html):
    addresses = [
        value
        for _, attributes in Page(html).elements
        for key, value in attributes.items()
        if key in ("src", "href")
    ]
    assert all(address.startswith(("#", "data:")) for address in addresses)
    assert set(re.findall(r"\w+://[\w./]*", html)) == {"http://www.w3.org/2000/svg"}


def test_whatever_stands_in_a_run_is_text():
    """Names, words, the text itself and its symbols; each string in some place, the worst in all."""
    texts = iter(HOSTILE * 3)
    text = "".join(HOSTILE)
    run = made.run(("lstm",), hidden=3, text=text, words=lambda word: f"{next(texts)}{HOSTILE[1]}")
    run.about["settings"] |= {word: word for word in HOSTILE}
    run.about["source"] = run.about["cells"][0]["cell"] = HOSTILE[0]
    for table in (run.units, run.scores, run.detectors):
        table["cell"] = HOSTILE[0]
    html = page(run).decode()
    found = Page(html)
    tags = {tag for tag, _ in found.elements}
    assert not tags & {"b", "img", "iframe", "base", "math", "mi", "textarea", "svg"}
    assert sum(tag == "script" for tag, _ in found.elements) == len(SCRIPTS) + 1 + len(
        json.loads(found.scripts[1])["arrays"]
    )
    assert not [a for _, a in found.elements if any(key.startswith("on") for key in a)]
    assert not [a for _, a in found.elements if a.get("href", "#").startswith("javascript")]
    outside = re.sub(r"<script.*?</script>", "", html, flags=re.DOTALL)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u2028\u202e]", outside)
    assert not {"<", ">", "&"} & set(found.scripts[1])


def test_what_json_cannot_hold_is_none_or_a_word():
    run = made.run(("lstm",), characters=300)
    run.units.loc[0, ["half_life", "transport", "inside", "score"]] = [np.inf, np.inf, np.nan, np.nan]
    run.scores.loc[0, ["score", "p", "shifted"]] = np.nan
    run.norms["cell0_influence"][3] = np.nan
    run.about["cells"][0]["reach"] = None
    assert b"over 200" in page(run)


def test_the_page_knows_the_steps_that_it_says():
    assert equations.step("lstm") == {"step": "lstm"} | equations.MEANT["lstm"]
    assert equations.step("elman(activation=relu)") == {"step": "elman", "activation": "relu"}
    assert equations.step("lstm(output_gate=false, forget_bias=2.0)")["output_gate"] == "false"
    for spec in (
        "lstm(full_gate_recurrence=true)",
        "peephole_lstm",
        "stacked(cell=lstm, layers=2)",
        "my.cells:LSTM",
    ):
        assert equations.step(spec) is None


def test_the_memory_is_left_out_where_there_is_no_room():
    run = made.run(("lstm", "gru"), characters=3000, hidden=40)
    room = contents(run, 10**8)[1].size
    sizes = [len(page(run, some)) for some in (0, room - 1, room)]
    assert sizes == sorted(set(sizes))
    assert sizes[2] - sizes[0] > 3000 * 40


def test_of_a_cell_that_the_page_does_not_know_the_memory_is_kept_first():
    run = made.run(("peephole_lstm",), characters=3000, hidden=40)
    kept = [[part["id"] for part in contents(run, room)[0]["cells"][0]["parts"]] for room in (0, 10**8)]
    assert kept == [["c"], ["h", "c", "f", "i", "o"]]
    held = contents(run, 0)[0]["cells"][0]["units"]
    assert {name[0] for name in held["unit"]} == {"c"}
    assert len(held["unit"]) == len(held["score"]) == 40
    links = [a["href"] for a in Page(page(run, 0).decode()).all("a") if "unit=" in a["href"]]
    assert len(links) == sum(unit.startswith("c/") for unit in run.detectors["unit"])
    assert all("unit=c/" in link for link in links)


@pytest.mark.slow
@pytest.mark.parametrize("w_rec", [0.5, 1.5])
def test_a_hundred_thousand_characters_and_64_units_stay_below_4_mb(w_rec):
    assert len(page(made.run(("lstm",), hidden=64, characters=100_000, w_rec=w_rec))) < 4e6
