"""The JSON Schemas: each document names one, and a document with another field than it says is none."""

import copy
import fnmatch
import re
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest
from jsonschema import Draft202012Validator

import gradlab
from gradlab import schemas
from tests import documents
from tests.cli.calling import gradlab as command
from tests.studies.neurons import hand_set

HOUSE = Path(gradlab.__file__).parent
RESULTS = HOUSE.parent / "results"
STORED = sorted(RESULTS.glob("*/*.json"))
ARRAYS = {"gradlab.norms/1", "gradlab.profiles/1", "gradlab.units/1"}
"""What `norms.nc` and `units.nc` call themselves: netCDF, which no JSON Schema describes."""
SWEEP = ("sweep", "--cell", "elman(activation=identity)", "--hidden", "2", "--seeds", "2", "-T", "4")
READ = ("neurons", "text.txt", "--cell", "elman", "-N", "2", "-T", "4", "--batch", "2", "--updates", "2")
READ += ("--lr", "0.01", "--scored", "2000", "--shown", "300")
PROBED = (*SWEEP, "--probe", "saturation")
PRINTED = {
    "table": ("show", "swept"),
    "remedies": ("show", RESULTS / "copy"),
    "findings": ("check", "swept", "--baseline", "kept.json"),
    "report": ("report", "swept", "-o", "page.html"),
    "verify": ("verify", "elman", "--hidden", "2", "--lengths", "1", "--points", "1", "--scale", "1", "-q"),
    "plot": ("plot", "swept", "profile", "-o", "figure.svg"),
    "error": ("show", "nowhere"),
    "diff": ("diff", "swept", "other"),
    "export": ("export", "swept", "--to", "csv"),
    "plan": ("sweep", "--dry-run"),
    "share": (*SWEEP, "--w-rec", "0.5", "--shard", "1/1", "--out", ".", "--name", "share", "-q"),
    "neurons": ("show", "read"),
    "doctor": ("doctor",),
    "baseline-command": ("baseline", "show", "kept.json"),
    "list": ("list", "probes"),
}
WRITTEN = {"baseline": "kept.json", "run": "swept/run.json"}
KINDS = [*PRINTED, *WRITTEN]
OPTIONAL = {("findings", "run_dir"), ("run", "code"), ("baseline", "marks")}
"""What a document may leave out: `findings.json` names no folder, and older files lack the others."""


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """A document of each kind, by its kind."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("documents"))
        patch.setattr("gradlab.plots._default.draw", lambda *_: None)
        assert command(*PROBED, "--w-rec", "0.5,1.0", "--out", ".", "--name", "swept", "--json").code == 0
        assert command(*PROBED, "--w-rec", "0.5,0.9", "--out", ".", "--name", "other", "--json").code == 0
        assert command("baseline", "create", "swept", "-o", "kept.json", "--json").code == 0
        Path("text.txt").write_text(hand_set.text(9000))
        assert command(*READ, "--out", ".", "--name", "read", "--json").code == 0
        printed = {kind: command(*words, "--json").out for kind, words in PRINTED.items()}
        texts = printed | {kind: Path(name).read_text() for kind, name in WRITTEN.items()}
    return SimpleNamespace(**{kind: documents.strict(text) for kind, text in texts.items()})


def objects(value, place=()):
    """Every object of a document, and its place; of a list the first entry stands for all."""
    if isinstance(value, dict):
        yield place, value
        for key, inner in value.items():
            yield from objects(inner, (*place, key))
    elif isinstance(value, list) and value:
        yield from objects(value[0], (*place, 0))


def changed(document, place, change):
    """A copy of a document with one of its objects changed."""
    made = copy.deepcopy(document)
    inner = made
    for key in place:
        inner = inner[key]
    change(inner)
    return made


class TestSchemas:
    @pytest.mark.parametrize("name", schemas.names())
    def test_each_is_one_and_says_what_every_field_is(self, name):
        schema = schemas.read(name)
        Draft202012Validator.check_schema(schema)
        kind, _, number = name.removeprefix("gradlab.").partition("/")
        assert schema["$id"] == f"urn:gradlab:{kind}:{number}"
        assert schema["properties"]["schema"]["const"] == name
        assert schema["title"]
        described = 0
        for place, part in objects(schema):
            if "properties" in part and place[-1:] not in [("if",), ("then",), ("else",)]:
                for key, field in part["properties"].items():
                    assert len(field["description"]) > 5, (place, key)
                    described += 1
            elif part.get("type") == "object":
                assert part.get("description"), place
        assert described >= 4

    def test_no_document_is_without_one_and_none_is_left_over(self):
        """By all that the package says, in words or by asking for the newest of a kind."""
        used = set()
        for path in HOUSE.rglob("*.py"):
            if path.parent.name != "schemas":
                text = path.read_text()
                used |= set(re.findall(r"\bgradlab\.[a-z-]+/\d+", text))
                used |= {schemas.newest(kind) for kind in re.findall(r'schemas\.newest\("([a-z-]+)"\)', text)}
        assert used - ARRAYS == set(schemas.names())
        assert used > ARRAYS

    def test_a_kind_has_the_highest_of_its_numbers(self, tmp_path, monkeypatch):
        for name in ("made-2.json", "made-10.json", "made-up-1.json", "README.md"):
            (tmp_path / name).write_text("{}")
        monkeypatch.setattr(schemas, "_FOLDER", tmp_path)
        assert schemas.names() == ["gradlab.made/2", "gradlab.made/10", "gradlab.made-up/1"]
        assert schemas.newest("made") == "gradlab.made/10"
        with pytest.raises(KeyError):
            schemas.newest("up")

    def test_they_ship(self):
        """What is no Python in the package's folders is named where the package is built."""
        project = tomllib.loads((HOUSE.parent / "pyproject.toml").read_text())
        patterns = project["tool"]["setuptools"]["package-data"]["gradlab"]
        others = [
            str(path.relative_to(HOUSE))
            for path in HOUSE.rglob("*")
            if path.is_file() and path.suffix not in (".py", ".pyc")
        ]
        assert len(others) > len(schemas.names())
        assert [name for name in others if not any(fnmatch.fnmatch(name, one) for one in patterns)] == []


class TestDocuments:
    @pytest.mark.parametrize("kind", KINDS)
    def test_each_is_what_its_schema_says(self, found, kind):
        document = vars(found)[kind]
        assert document["schema"] == schemas.newest(kind)
        assert documents.fault(document) is None

    def test_these_are_all_there_are(self):
        assert {f"gradlab.{kind}" for kind in KINDS} == {name.partition("/")[0] for name in schemas.names()}

    @pytest.mark.parametrize("kind", KINDS)
    def test_a_field_more_is_a_fault_wherever_it_is(self, found, kind):
        document = vars(found)[kind]
        places = [place for place, _ in objects(document) if (kind, place) != ("run", ("settings",))]
        assert places
        for place in places:
            more = changed(document, place, lambda inner: inner.update(more={"more": []}))
            assert documents.fault(more) is not None, place

    @pytest.mark.parametrize("kind", KINDS)
    def test_a_field_less_is_a_fault(self, found, kind):
        document = vars(found)[kind]
        for key in document:
            less = changed(document, (), lambda inner, key=key: inner.pop(key))
            assert (documents.fault(less) is None) == ((kind, key) in OPTIONAL), key

    @pytest.mark.parametrize("kind", ["table", "remedies", "findings", "verify", "diff"])
    def test_a_row_has_all_its_fields_each_of_its_kind(self, found, kind):
        document = vars(found)[kind]
        for key in document["data"][0]:
            less = changed(document, ("data", 0), lambda row, key=key: row.pop(key))
            assert documents.fault(less) is not None, key
            other = changed(document, ("data", 0), lambda row, key=key: row.update({key: {"NaN": []}}))
            assert documents.fault(other) is not None, key

    @pytest.mark.parametrize("kind", ["table", "remedies"])
    def test_a_row_has_room_for_another_metric(self, found, kind):
        for value in (0.5, None):
            document = vars(found)[kind]
            more = changed(document, ("data", 0), lambda row, value=value: row.update(memory=value))
            assert documents.fault(more) is None

    def test_columns_of_probes_are_parallel_to_the_rows(self, found):
        names = [one["name"] for one in found.table["columns"]]
        assert names[:2] == ["dead[step=1]", "dead[step=2]"]
        for one in found.table["columns"]:
            assert len(one["values"]) == len(found.table["data"])
            assert one["meaning"].startswith("Share of ")
            for key in one:
                less = changed(found.table, ("columns", 0), lambda row, key=key: row.pop(key))
                assert documents.fault(less) is not None, key

    def test_an_id_that_is_none_is_a_fault(self, found):
        for name in ("gradlab.table/99", "gradlab.nothing/1", None):
            assert "is the id of no schema" in documents.fault(found.table | {"schema": name})

    @pytest.mark.parametrize("path", STORED, ids=lambda path: f"{path.parent.name}/{path.name}")
    def test_the_stored_ones_are_what_their_schemas_say(self, path):
        assert documents.hold(path.read_text())["schema"] in (
            "gradlab.run/1",
            "gradlab.run/2",
            "gradlab.findings/2",
        )

    def test_there_are_stored_ones(self):
        assert len(STORED) > 20

    def test_a_run_that_is_kept_from_python_is_as_one_of_the_command(self, found, tmp_path):
        made = gradlab.sweep(cell="elman(activation=identity)", hidden=2, seeds=2, T=[4], w_rec=[0.5, 1.0])
        about = documents.hold((made.save(tmp_path / "run") / "run.json").read_text())
        assert about.keys() == found.run.keys()


class TestCalling:
    """What calls the command for all other tests holds what it prints and writes."""

    def test_a_field_that_no_schema_knows_fails_where_it_is_printed(self, monkeypatch):
        monkeypatch.setattr("gradlab.cli.doctor._tested", lambda: {"more": 1})
        with pytest.raises(AssertionError, match=r"gradlab\.doctor/1: .*"):
            command("doctor", "--json")
        assert command("doctor").code == 0

    def test_and_where_it_is_written(self, tmp_path, monkeypatch):
        from gradlab.runs import store

        monkeypatch.setattr("gradlab.plots._default.draw", lambda *_: None)
        monkeypatch.setattr(store, "git_facts", lambda: {"branch": "main"})
        with pytest.raises(AssertionError, match=r"gradlab\.run/2: \$\.git: .*'branch'"):
            command(*SWEEP, "--w-rec", "0.5", "--out", tmp_path)

    def test_an_exit_code_that_is_another_than_the_printed_one_fails(self, monkeypatch):
        said = '{"schema": "gradlab.plot/1", "status": "ok", "exit_code": 0, "data": {"file": "a.svg"}}'
        monkeypatch.setattr("gradlab.cli.execute", lambda _: print(said) or 3)
        with pytest.raises(AssertionError, match="exit code 3, and printed is 0"):
            command("plot", "a.svg", "--json")


class TestList:
    def test_it_has_each_with_its_title(self):
        said = command("list", "schemas").out
        for name in schemas.names():
            assert f"\n  {name}\n    {schemas.read(name)['title']}\n" in said
        rows = documents.strict(command("list", "schemas", "--json").out)["data"]["schemas"]
        assert [(row["name"], row["doc"]) for row in rows] == [
            (name, schemas.read(name)["title"]) for name in schemas.names()
        ]

    @pytest.mark.parametrize("more", [(), ("--json",)])
    def test_one_is_printed_whole(self, more):
        for name in schemas.names():
            assert documents.strict(command("list", "schemas", name, *more).out) == schemas.read(name)

    def test_one_of_another_kind_is_shown_alone(self):
        said = command("list", "cells", "gru").out
        assert re.findall(r"(?m)^  (\w+)", said) == ["gru"]
        assert said.removeprefix("CELLS\n").rstrip() in command("list", "cells").out
        rows = documents.strict(command("list", "cells", "gru", "--json").out)["data"]
        assert [row["name"] for row in rows["cells"]] == ["gru"]

    @pytest.mark.parametrize(("kind", "name"), [("schemas", "gradlab.tabel/1"), ("cells", "gri")])
    def test_one_that_is_not_there_is_a_mistake(self, kind, name):
        said = command("list", kind, name)
        assert said.code == 2
        assert said.err.startswith(f"error: NAME: no entry of {kind} called '{name}'; did you mean ")
