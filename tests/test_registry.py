"""Members by name: found where they stand, made from text, spelled one way; mistakes name a way out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradlab import registry, spelled
from gradlab.errors import GradlabError
from tests.studies.sweep.test_settings import mistake

EVERY = [(kind, name) for kind in registry.KINDS for name in registry.names(kind)]


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_every_file_of_a_kind_holds_its_member(kind, name):
    found = registry.member(kind, name)
    assert callable(found)
    assert found.__module__ == f"gradlab.{kind}.{name}"
    assert found.__doc__


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_every_setting_has_a_default_and_the_plain_name_means_them_all(kind, name):
    if kind != "probes":
        assert all(p.default is not p.empty for p in registry.settings(registry.member(kind, name)).values())
    assert registry.label(kind, name) == registry.label(kind, f" {name}( ) ") == name


def test_what_is_installed_is_looked_for_once(monkeypatch):
    looked, look = [], registry.pkgutil.iter_modules
    monkeypatch.setattr(registry.pkgutil, "iter_modules", lambda path: looked.append(path) or look(path))
    registry._files.cache_clear()
    registry.installed.cache_clear()
    assert [registry.further("cells") for _ in range(3)] == [[]] * 3
    assert not registry.is_foreign("cells", "lstm")
    assert len(looked) == 1


def test_a_new_file_is_a_new_member(tmp_path, monkeypatch):
    import gradlab.cells

    (tmp_path / "leaky_unit.py").write_text(
        "from gradlab.types import Cell\n"
        "class LeakyUnit(Cell):\n    def __init__(self, leak: float = 0.5): self.leak = leak\n"
    )
    monkeypatch.setattr(gradlab.cells, "__path__", [*gradlab.cells.__path__, str(tmp_path)])
    assert "leaky_unit" in registry.names("cells")
    assert registry.make("cells", "leaky_unit(leak=0.25)").leak == 0.25


def test_a_constant_is_read_and_its_file_not_run(tmp_path, monkeypatch):
    import gradlab.cells

    (tmp_path / "unread.py").write_text("DIAGRAM = 'σ'\nWORD = str(1)\nraise RuntimeError\n", "utf-8")
    monkeypatch.setattr(gradlab.cells, "__path__", [*gradlab.cells.__path__, str(tmp_path)])
    assert registry.constant("cells", "unread", "DIAGRAM") == "σ"
    assert registry.constant("cells", "unread", "OTHER") is None
    with pytest.raises(TypeError, match=r"WORD of gradlab\.cells\.unread must be a literal"):
        registry.constant("cells", "unread", "WORD")
    with pytest.raises(GradlabError, match="did you mean unread"):
        registry.constant("cells", "unrad", "DIAGRAM")


@pytest.mark.parametrize(
    ("spec", "label"),
    [
        ("elman", "elman"),
        ("elman(activation=tanh)", "elman"),
        (" elman ( activation = relu ) ", "elman(activation=relu)"),
        ("lstm(forget_bias=2)", "lstm(forget_bias=2.0)"),
        ("esn(density=2e-1, leak=1)", "esn(leak=1.0, density=0.2)"),
    ],
)
def test_a_label_says_what_differs_from_the_defaults_in_one_order(spec, label):
    assert registry.label("cells", spec) == label
    assert registry.label("cells", label) == label
    assert registry.make("cells", label) == registry.make("cells", spec)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("lstmm", "no cell called 'lstmm'; did you mean lstm? known: "),
        ("lstm(forgetbias=1)", "did you mean forget_bias?"),
        ("lstm(forget_bias=much)", "'forget_bias=much' is not a finite number"),
        ("lstm(forget_bias=nan)", "is not a finite number"),
        ("lstm(forget_bias=1, forget_bias=2)", "given twice"),
        ("elman(activation=gelu)", "known: identity, relu, sigmoid, tanh"),
        ("elman(relu, tanh)", "write setting=value"),
        ("elman(activation=)", "write setting=value"),
        ("elman[relu]", "write NAME"),
        ("elman.py", "write NAME"),
        ("__init__", "no cell called"),
        ("", "write NAME"),
    ],
)
def test_a_mistake_names_the_option_and_a_way_out(spec, words):
    with pytest.raises(GradlabError) as caught:
        registry.make("cells", spec)
    assert caught.value.where == "--cell"
    assert words in caught.value.what


@given(st.text(max_size=30))
@pytest.mark.slow
def test_any_text_is_a_member_or_a_mistake(text):
    found = mistake(registry.make, "cells", text)
    if found is not None:
        assert found.where == "--cell"
        assert found.what.isprintable()


@given(st.integers(-(10**15), 10**15))
def test_a_whole_number_means_itself(value):
    assert spelled.number("-T", str(value), str(value), int) == value


def test_a_kind_without_members_says_so():
    assert str(spelled.unknown("--cell", "cell", "x", [])) == "--cell: no cell called 'x'; known: none"
