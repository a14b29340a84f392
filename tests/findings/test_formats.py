"""JUnit, annotations, Markdown and JSON: well formed, capped, and never red or green by accident."""

import json
from collections import Counter
from xml.etree import ElementTree

import pytest

from gradlab import escaping
from gradlab.findings import baseline, formats
from gradlab.findings import finding as findings_finding
from gradlab.findings.finding import Finding
from gradlab.runs.manifest import of_mixed
from tests import made_runs

HOSTILE = [
    "<script>alert(1)</script>",
    "]]><!-- & \" ' -->",
    "\x1b[31m\x00\x07\ufffe\ud800",
    "a\n::error::injected\r\n::set-output name=x::y",
    "| a | b |\n|---|",
    "[x](javascript:alert(1)) ![](http://x) @someone #1 https://example.org",
    "\u202etxt.exe\u2028",
    "`code` **bold** ~~x~~ \\",
    "100 % of it, 50%0A",
]


def finding(status="passed", i=0, text="metric", measured: float | None = 0.5):
    name = f"{text} {i}"
    return Finding(
        name, text, status, text, {"cell": text, "w_rec": 0.5}, measured, f"{text}!", f"{name}: said"
    )


def several(**counts):
    return [finding(status.replace("_", " "), i) for status, n in counts.items() for i in range(n)]


def strict(text):
    def refuse(constant):
        raise AssertionError(constant)

    return json.loads(text, parse_constant=refuse)


@pytest.fixture(scope="module")
def real():
    old = made_runs.run()
    return baseline.compare(
        made_runs.without(made_runs.run(gain=1.01), T=20),
        baseline.create(made_runs.without(old, cell="lstm")),
    )


class TestExit:
    @pytest.mark.parametrize(
        ("statuses", "code"),
        [
            ([], 4),
            (["note"], 4),
            (["passed", "note"], 0),
            (["passed", "inconclusive"], 4),
            (["passed", "inconclusive", "failed"], 1),
        ],
    )
    def test_an_empty_comparison_is_never_0(self, statuses, code):
        assert findings_finding.exit_code([finding(status) for status in statuses]) == code

    def test_counts_in_words(self):
        assert findings_finding.count(several(passed=2, failed=1, note=1)) == "2 passed, 1 failed, 1 note"
        assert findings_finding.count([]) == "nothing to compare"


class TestJson:
    def test_it_is_strict_and_holds_every_finding(self, real):
        findings = [*real, finding(measured=float("nan"))]
        found = strict(escaping.document(findings_finding.document("", findings) | {"run_dir": "x"}))
        assert (found["exit_code"], found["status"], found["run_dir"]) == (1, "failed", "x")
        assert len(found["data"]) == len(real) + 1
        assert set(found["data"][0]) == set(Finding._fields)
        assert found["data"][-1]["measured"] is None


class TestJunit:
    def test_each_status_has_its_element_and_the_counts_agree(self, real):
        root = ElementTree.fromstring(formats.junit_xml(real, "check"))
        cases = list(root.iter("testcase"))
        kinds = Counter(next((c.tag for c in case), "none") for case in cases)
        expected = Counter(f.status for f in real)
        assert kinds["failure"] == expected["failed"] == int(root.get("failures"))
        assert kinds["skipped"] == expected["note"] == int(root.get("skipped"))
        assert int(root.get("tests")) == len(cases) == len(real)
        assert len({(case.get("classname"), case.get("name")) for case in cases}) == len(real)
        failed = next(case for case in cases if case.find("failure") is not None)
        assert "missing" in failed.find("failure").get("message")
        assert "wanted: " in failed.find("failure").text

    def test_nothing_compared_is_an_error(self):
        root = ElementTree.fromstring(formats.junit_xml([], "check"))
        assert (root.get("tests"), root.get("errors")) == ("1", "1")
        assert root.find(".//error").get("message") == "nothing was compared"

    @pytest.mark.parametrize("text", HOSTILE)
    @pytest.mark.parametrize("status", ["passed", "failed", "inconclusive", "note"])
    def test_hostile_text_is_text(self, text, status):
        content = formats.junit_xml([finding(status, text=text)], text)
        root = ElementTree.fromstring(content)
        case = root.find(".//testcase")
        assert case.get("classname") == f"gradlab.{escaping.plain(text)}"
        tags = {"testsuites", "testsuite", "testcase", "failure", "error", "skipped", "system-out"}
        assert {node.tag for node in root.iter()} <= tags


class TestAnnotations:
    def test_at_most_ten_of_a_level_are_said_the_first_counts(self):
        lines = formats.annotations(several(failed=40, inconclusive=30, note=500, passed=3), "gate")
        levels = Counter(line.split(" ")[0] for line in lines)
        assert levels == {"::error": 10, "::warning": 10, "::notice": 1}
        assert "40 failed" in lines[0]
        assert "the first 9 follow" in lines[0]

    def test_few_are_said_in_full(self):
        lines = formats.annotations(several(failed=2, passed=9), "gate")
        assert lines == [
            f"::error title=gradlab%3A gate::metric {i}: said (wanted: metric!)" for i in range(2)
        ]
        assert not formats.annotations(several(passed=3), "gate")
        assert formats.annotations([], "gate")[0].startswith("::warning")

    @pytest.mark.parametrize("text", HOSTILE)
    def test_no_text_starts_a_command_of_its_own(self, text):
        for line in formats.annotations([finding("failed", text=text)], text):
            assert line.isprintable()
            head, _, rest = line.removeprefix("::error title=").partition("::")
            assert not {",", ":"} & set(head)
            assert "%" not in rest.replace("%25", "").replace("%0A", "").replace("%0D", "")


class TestMarkdown:
    def test_failures_come_first_and_what_passed_is_folded(self):
        text = formats.markdown(several(passed=3, note=1, failed=1), "gate")
        rows = [line for line in text.splitlines() if line.startswith("| ") and "verdict" not in line]
        assert [row.split(" | ")[0] for row in rows] == ["| FAILED", "| note", "| ok", "| ok", "| ok"]
        assert "<details><summary>3 passed</summary>" in text
        assert "**FAILED**: 3 passed, 1 failed, 1 note." in text
        assert "INCONCLUSIVE" in formats.markdown([], "gate")

    @pytest.mark.parametrize("text", HOSTILE)
    def test_hostile_text_stays_in_its_cell(self, text):
        written = formats.markdown([finding("failed", text=text)], text)
        table = [line for line in written.splitlines() if line.startswith("|")]
        assert [line.replace(r"\|", "").count("|") for line in table] == [7, 7, 7]
        assert "<" not in written
        for live in ("](", "@s", "://", "![", " **bold"):
            assert live not in written

    def test_a_step_summary_stays_small_and_says_what_is_left_out(self):
        text = formats.step_summary(several(failed=30, passed=900), "gate")
        assert "730 more rows are left out" in text
        wide = [finding("failed", i, "x" * 5000) for i in range(300)]
        assert len(formats.step_summary(wide, "gate").encode()) <= formats.SUMMARY_BYTES + 1


class TestPublish:
    def test_github_is_spoken_to_where_it_asks(self, tmp_path, monkeypatch, capsys):
        summary = tmp_path / "summary.md"
        summary.write_text("before\n")
        monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
        monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
        formats.publish(several(failed=1), title="gate", junit=None, github=None)
        assert (capsys.readouterr(), summary.read_text()) == (("", ""), "before\n")
        monkeypatch.setenv("GITHUB_ACTIONS", "true")
        formats.publish(several(failed=1), title="gate", junit=None, github=None)
        said = capsys.readouterr()
        assert (said.out, said.err.count("::error")) == ("", 1)
        assert summary.read_text().startswith("before\n### gate\n")
        formats.publish(several(failed=1), title="gate", junit=None, github=False)
        assert capsys.readouterr().err == ""

    def test_every_form_says_which_machines_computed_a_run_that_differ(self, tmp_path, monkeypatch, capsys):
        said = of_mixed({"mixed": made_runs.MIXED})
        assert "3 groups with processor one; 1 group with processor other" in said
        summary = tmp_path / "summary.md"
        monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
        for some in (several(passed=2), []):
            formats.publish(some, title="gate", junit=tmp_path / "j.xml", github=True, mixed=said)
            (told,) = ElementTree.parse(tmp_path / "j.xml").getroot().iter("property")
            assert (told.get("name"), told.get("value")) == ("mixed", said)
            assert said in capsys.readouterr().err.splitlines()[0]
            assert escaping.markdown(said) in summary.read_text()
            assert findings_finding.document("", some, said)["mixed"] == said
            summary.unlink()

    def test_the_junit_file_appears_whole(self, tmp_path):
        formats.publish(several(failed=1), title="x", junit=tmp_path / "a" / "j.xml", github=False)
        assert ElementTree.parse(tmp_path / "a" / "j.xml").getroot().tag == "testsuites"
        assert [path.name for path in (tmp_path / "a").iterdir()] == ["j.xml"]

    def test_without_a_summary_file_only_annotations_are_said(self, capsys):
        formats.to_github(several(failed=1), "x", {})
        assert capsys.readouterr().err.startswith("::error")
