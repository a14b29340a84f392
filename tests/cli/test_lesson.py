"""`gradlab lesson`: where it writes, how it ends, and that it asks nobody who is not there."""

import io

import pytest

from gradlab import lesson
from gradlab.cli import lesson as command
from tests.cli.calling import gradlab
from tests.lesson.told import chapter

TABLE = tuple(figure for figure in chapter().figures if figure.name == "table")
"""The one figure of a chapter here: it takes no drawing."""


@pytest.fixture
def computed(monkeypatch):
    """The chapters that were computed; none takes any time."""
    asked = []

    def chapters(numbers, seed, runs, language):
        assert list(runs) == []
        for number in numbers:
            asked.append((number, seed))
            yield number, chapter(title=f"Title {number} of seed {seed}", figures=TABLE)

    monkeypatch.setattr(lesson, "chapters", chapters)
    return asked


@pytest.fixture(autouse=True)
def _somewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


class TestPage:
    def test_is_written_to_results_and_named_on_stdout(self, computed, tmp_path):
        done = gradlab("lesson", "--seed", 4)
        assert (done.code, done.out) == (0, "results/lesson.html\n")
        text = (tmp_path / "results/lesson.html").read_text(encoding="utf-8")
        assert computed == [(n, 4) for n in range(1, 8)]
        assert "gradlab lesson --seed 4" in text
        assert "Title 7 of seed 4" in text
        assert "chapter 7" in done.err
        assert [path.name for path in (tmp_path / "results").iterdir()] == ["lesson.html"]

    def test_one_chapter_leaves_the_whole_lesson_alone(self, computed, tmp_path):
        done = gradlab("lesson", "cliff", "--quiet")
        assert (done.code, done.out, done.err) == (0, "results/lesson-4.html\n", "")
        assert computed == [(4, 0)]
        assert not (tmp_path / "results/lesson.html").exists()

    def test_goes_where_it_is_told_and_replaces_what_is_there(self, computed, tmp_path):
        place = tmp_path / "deep" / "page.html"
        assert gradlab("lesson", 2, "-o", place).code == 0
        first = place.read_bytes()
        assert gradlab("lesson", 2, "-o", place).code == 0
        assert place.read_bytes() == first


class TestFigures:
    @pytest.mark.slow
    def test_every_figure_is_there_as_svg_and_png_beside_the_page(self, monkeypatch, tmp_path):
        one = chapter()
        monkeypatch.setattr(lesson, "chapters", lambda numbers, seed, runs, language: iter([(2, one)]))
        done = gradlab("lesson", 2, "--figures", tmp_path / "slides" / "deep")
        assert (done.code, done.out) == (0, "results/lesson-2.html\n")
        names = {f"chapter-2-{figure.name}" for figure in one.figures if figure not in TABLE}
        found = {path.name for path in (tmp_path / "slides" / "deep").iterdir()}
        assert found == {f"{name}.{kind}" for name in names for kind in ("svg", "png")}
        assert len(names) == len(one.figures) - 1
        for name in names:
            assert (tmp_path / "slides" / "deep" / f"{name}.svg").read_text().startswith("<?xml")
            assert (tmp_path / "slides" / "deep" / f"{name}.png").read_bytes().startswith(b"\x89PNG")

    def test_a_file_is_no_folder_and_nothing_is_computed(self, computed, tmp_path):
        (tmp_path / "mine").write_text("mine")
        done = gradlab("lesson", 2, "--figures", tmp_path / "mine")
        assert done.code == 5
        assert done.err.startswith("error: --figures: cannot write to ")
        assert computed == []
        assert (tmp_path / "mine").read_text() == "mine"

    def test_a_dry_run_makes_no_folder(self, tmp_path):
        assert gradlab("lesson", 2, "--figures", tmp_path / "slides", "--dry-run").code == 0
        assert not (tmp_path / "slides").exists()


class TestRefused:
    def test_an_unknown_chapter_is_usage_and_names_the_known_ones(self, computed):
        done = gradlab("lesson", "gates")
        assert done.code == 2
        assert done.err.startswith("error: CHAPTER: no chapter called 'gates'; known: 1 unrolled, ")
        assert computed == []

    @pytest.mark.parametrize("seed", ["-1", "x", "1e3", str(2**63)])
    def test_a_seed_is_a_whole_number(self, computed, seed):
        done = gradlab("lesson", f"--seed={seed}")
        assert (done.code, done.out) == (2, "")
        assert done.err.startswith("error: --seed: ")
        assert computed == []

    @pytest.mark.parametrize("place", ["a-file/page.html", "."])
    def test_what_cannot_be_written_is_said_before_anything_is_computed(self, computed, tmp_path, place):
        (tmp_path / "a-file").write_text("mine")
        done = gradlab("lesson", "-o", place)
        assert done.code == 5
        assert done.err.startswith("error: --output: ")
        assert computed == []
        assert (tmp_path / "a-file").read_text() == "mine"


class TestTerminal:
    def test_a_pipe_gets_the_whole_walk_at_once(self, computed, tmp_path, monkeypatch):
        monkeypatch.setattr("sys.stdin", io.StringIO("must not be read"))
        done = gradlab("lesson", 1, "--terminal", "--quiet")
        assert (done.code, done.err) == (0, "")
        assert done.out.startswith("1. Title 1 of seed 0\n====")
        assert done.out.index("? Is ") < done.out.index("Title of table") < done.out.index("Yes: w^(T")
        assert max(map(len, done.out.splitlines())) <= 80
        assert done.out.index("Yes: w^(T") < done.out.index("Who found what, and when\n====")
        assert "Untersuchungen zu dynamischen neuronalen Netzen" in done.out
        assert not (tmp_path / "results").exists()

    def test_waits_for_enter_only_between_two_terminals(self, computed, monkeypatch, capsys):
        pressed = []
        monkeypatch.setattr(command, "_watched", lambda: True)
        monkeypatch.setattr(command, "_enter", lambda: pressed.append(1))
        gradlab("lesson", 1, "--terminal")
        assert len(pressed) == len(TABLE)

    @pytest.mark.parametrize(("stdin", "stdout"), [(True, False), (False, True), (False, False)])
    def test_nobody_is_asked_who_is_not_there(self, monkeypatch, stdin, stdout):
        monkeypatch.setattr("sys.stdin", type("In", (io.StringIO,), {"isatty": lambda self: stdin})())
        monkeypatch.setattr("sys.stdout", type("Out", (io.StringIO,), {"isatty": lambda self: stdout})())
        assert not command._watched()

    def test_writes_the_page_as_well_if_told_where(self, computed, tmp_path):
        done = gradlab("lesson", 3, "--terminal", "-o", tmp_path / "page.html")
        assert done.code == 0
        assert (tmp_path / "page.html").exists()
        assert "page.html" in done.err
