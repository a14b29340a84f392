"""Whatever stands in a run is text in its report: in HTML, in SVG and in Markdown."""

import re
import xml.etree.ElementTree as xml
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from gradlab.findings.finding import Finding
from gradlab.report import page, sources
from gradlab.studies.sweep import results
from tests import samples
from tests.report.hostile import HOSTILE
from tests.report.pages import Page

# That scripts are on, the page's own, the numbers of the map, and what draws them.
OWN_SCRIPTS = 3 + len(page.EXPLORER)


def shown(text):
    """How a text is expected on a page: on one line, the invisible spelled out."""
    from gradlab.report.words import clean

    return " ".join(clean(text).split())


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """A run that has a hostile string in every field that holds text, and each string in some field."""
    assert len(HOSTILE) >= 100
    place = tmp_path_factory.mktemp("hostile") / "run"
    settings = {f"{i}{text}": text for i, text in enumerate(HOSTILE)} | {"cell": HOSTILE[:9]}
    settings |= {"question": HOSTILE[0], "task": HOSTILE[1]}
    facts = {"status": HOSTILE[2], "bound": HOSTILE[3], "settings": settings, "command": "sweep"}
    facts |= {
        "versions": {text: text for text in HOSTILE[5:40]},
        "git": {"commit": HOSTILE[4]},
        "figures": ["rate_map", "profile"],
    }
    names = [{"text": text, "status": text, "metric": text, "sentence": text} for text in HOSTILE]
    norms = samples.norms(("$\\frac{", "\u202e<b>", HOSTILE[0]), (0.5, 2.0), T=(4, 8), inits=HOSTILE[6:8])
    run = results.Run(facts, results.metrics(norms), norms)
    findings = tuple(
        Finding(row["text"], row["text"], "passed", "", {}, None, "", row["sentence"]) for row in names
    )
    notes = [HOSTILE[0]]
    done = sources.Progress(7, 2, 24)
    source = sources.Source(HOSTILE[2], Path(place), facts, run, done, findings, notes)
    return page.render(page.compose([source, source], title=HOSTILE[1]))


class TestHostile:
    def test_it_is_text_in_html(self, hostile):
        found = Page(hostile.html)
        for text in HOSTILE:
            assert shown(text) in found.text
        tags = {tag for tag, _ in found.elements}
        assert not tags & {"b", "img", "iframe", "base", "math", "mi", "textarea"}
        assert sum(tag == "script" for tag, _ in found.elements) == OWN_SCRIPTS
        assert len(found.all("meta")) == 5
        assert not [a for _, a in found.elements if any(key.startswith("on") for key in a)]
        assert hostile.html.encode("utf-8", "strict")
        assert not re.search(
            r"[\x00-\x08\x0b-\x1f\x7f\u2028\u202e]",
            re.sub(r"<script.*?</script>", "", hostile.html, flags=16),
        )

    def test_it_is_text_in_svg(self, hostile):
        for name, text in hostile.pictures.items():
            assert re.fullmatch(r"[\w-]+\.svg", name)
            tree = xml.fromstring(text)
            tags = {element.tag.rpartition("}")[2] for element in tree.iter()}
            assert tags <= {
                "svg",
                "title",
                "g",
                "path",
                "defs",
                "use",
                "image",
                "clipPath",
                "rect",
                "linearGradient",
                "stop",
            }
            assert not [key for element in tree.iter() for key in element.attrib if key.startswith("on")]

    def test_it_is_text_in_markdown(self, hostile):
        tokens = (
            MarkdownIt("commonmark", {"html": True})
            .enable(["table", "strikethrough"])
            .parse(hostile.markdown)
        )
        assert sum(token.type == "html_block" for token in tokens) == 1
        inline = [child for token in tokens for child in token.children or ()]
        assert {child.type for child in inline} <= {"text", "image", "strong_open", "strong_close"}
        words = "".join(c.content for c in inline if c.type == "text").replace("\u200b", "")
        words = " ".join(words.split())
        for text in HOSTILE:
            assert shown(text).replace("\u200b", "") in words
        fences = [token for token in tokens if token.type == "fence"]
        assert len(fences) == 2
        assert all(token.content.startswith("gradlab sweep ") for token in fences)
