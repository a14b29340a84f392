"""`--shard` and `gradlab merge`: the run that one machine would have made, whoever computed what of it."""

import json
import re
import shutil

import pytest

from gradlab import digests, execute, runtime
from gradlab.engines import work
from gradlab.planning.progress import Silent
from gradlab.runs import store
from gradlab.runs.shards import Shards
from gradlab.studies.remedies import compute as remedies_compute
from gradlab.studies.remedies.kept import key_of_result
from gradlab.studies.sweep.settings import Sweep
from gradlab.studies.sweep.study import STUDY
from tests.cli.calling import contents, document, gradlab

SWEEP = ("sweep", "--cell", "lstm,elman", "--w-rec", "0.5,1.5", "-T", "6,12", "--seeds", "2", "--hidden", "4")
TRAINED = (
    *("remedies", "latch", "-r", "none", "-r", "esn", "-T", "6,8", "--hidden", "4", "--lr", "0.01,0.1"),
    *("--updates", "20", "--eval-every", "10", "--batch", "4", "--seeds", "2", "--tuning", "1"),
)


def files(folder):
    """The bytes of every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def shared(words, n, where):
    """The folders of all shares of a command."""
    for i in range(n, 0, -1):
        said = gradlab(*words, "--shard", f"{i}/{n}", "--out", where, "--name", f"s{i}", "--quiet")
        assert said.code == 0, said.err
        assert said.out.startswith(f"share {i}/{n}: ")
    return [where / f"s{i}" for i in range(1, n + 1)]


@pytest.fixture(scope="module", params=[pytest.param("swept", marks=pytest.mark.slow)])
def swept(tmp_path_factory):
    where = tmp_path_factory.mktemp("swept")
    assert gradlab(*SWEEP, "--out", where, "--name", "whole", "--quiet").code == 0
    shared(SWEEP, 3, where)
    return where


@pytest.fixture
def undrawn(monkeypatch):
    """Figures take most of the time; that they are those of one machine is seen once."""
    monkeypatch.setattr("gradlab.plots._default.draw", lambda *_: None)


@pytest.fixture
def here(swept, tmp_path):
    """A copy that a test may spoil."""
    return shutil.copytree(swept, tmp_path / "here")


def merged(where, *names, words=()):
    folders = [where / name for name in names]
    return gradlab("merge", *folders, "--out", where, "--name", "merged", "--quiet", *words)


def test_a_sweep_is_that_of_one_machine_byte_for_byte_in_any_order(here):
    order = ("s3", "s1", "s2")
    before = {name: contents(here / name) for name in order}
    said = merged(here, *order)
    assert (said.code, said.err) == (0, "")
    assert said.out == gradlab("show", here / "whole").out
    assert files(here / "merged") == files(here / "whole")
    assert {name: contents(here / name) for name in order} == before


@pytest.mark.usefixtures("undrawn")
def test_nothing_is_computed_again(here, monkeypatch):
    monkeypatch.setattr("gradlab.studies.sweep.compute._measured", lambda *_: pytest.fail("computed again"))
    assert merged(here, "s1", "s2", "s3").code == 0
    assert merged(here, "s1", "s2", "s3").code == 0


@pytest.mark.usefixtures("undrawn")
def test_results_that_arrive_twice_in_any_order_count_once(here):
    asked = Sweep(cell=("lstm", "elman"), w_rec=(0.5, 1.5), T=(6, 12), seeds=2, hidden=4)
    told = []

    class Twice:
        standing = "2 workers, 1 failed"

        def foreseen(self, groups, planned):
            return []

        def results(self, asked, groups):
            stored = STUDY.stored(asked)
            found = [work.compute(asked, group, stored) for group in reversed(groups)]
            yield from [None, *found[:3], *found]

    class Listener(Silent):
        def take(self, progress):
            told.append(progress.note)

    assert execute.run(asked, folder=here / "twice", engine=Twice(), listening=Listener).code == 0
    found = {name: content for name, content in files(here / "whole").items() if "figures" not in name}
    assert files(here / "twice") == found
    # How many groups there are, how fast they come, and what is said of the workers.
    counts = [note.partition(" of 4 groups, ") for note in told if " of 4 groups" in note]
    assert list(dict.fromkeys(count for count, _, _ in counts)) == ["0", "1", "2", "3", "4"]
    assert all(re.fullmatch(r"[\d.e+]+ a minute, 2 workers, 1 failed", rest) for _, _, rest in counts)


@pytest.mark.slow
def test_a_comparison_is_that_of_one_machine_and_nothing_of_it_is_computed_again(tmp_path, monkeypatch):
    assert gradlab(*TRAINED, "--out", tmp_path, "--name", "whole", "--quiet").code == 0
    names = [path.name for path in shared(TRAINED, 2, tmp_path)]
    computed, arm = [], remedies_compute._arm
    watched = lambda asked, text, *rest: (computed.append((text, rest[1])), arm(asked, text, *rest))[1]
    monkeypatch.setattr(remedies_compute, "_arm", watched)
    with monkeypatch.context() as patch:
        for part, what in ((remedies_compute.train, "run"), (remedies_compute.measure, "profiles")):
            patch.setattr(part, what, lambda *_, **__: pytest.fail("something was computed"))
        assert merged(tmp_path, *names).code == 0
    assert computed == []
    assert files(tmp_path / "merged") == files(tmp_path / "whole")
    # What other code has come to is computed again, and nothing else.
    shards, key = Shards(tmp_path / names[0]), key_of_result("none", 6, 1.0)
    arrays = shards.get(**key)
    code = digests.unpacked(arrays)
    shards.put(digests.without(arrays) | digests.packed(code | {"profile": "another"}), **key)
    assert merged(tmp_path, *names, words=("--force",)).code == 0
    assert computed == [("none", 6)]
    assert files(tmp_path / "merged") == files(tmp_path / "whole")


def test_a_share_says_what_it_is(tmp_path):
    said = gradlab(*SWEEP, "--shard", "2/4", "--out", tmp_path, "--json")
    found = document(said.out)
    assert (found["share"], found["groups"], found["of"]) == ("2/4", ["lstm at T = 12"], 4)
    (folder,) = tmp_path.iterdir()
    assert found["run_dir"] == str(folder)
    assert folder.name.endswith(".2-of-4")
    assert "gradlab merge" in said.err
    # Repeated, it finds what it has.
    assert document(gradlab(*SWEEP, "--shard", "2/4", "--out", tmp_path, "--json").out) == found


def test_a_share_without_a_group_is_nothing_to_do(tmp_path):
    said = gradlab(*SWEEP, "--shard", "9/9", "--out", tmp_path)
    assert (said.code, said.err) == (0, "")
    assert said.out == "share 9/9: 0 of 4 groups, so there is nothing to do\n"
    assert list(tmp_path.iterdir()) == []


def test_the_plan_of_a_share_is_its_part(tmp_path):
    whole, one, other = (
        document(gradlab(*SWEEP, "--dry-run", "--json", "--out", tmp_path, *words).out)["data"]
        for words in ((), ("--shard", "1/2"), ("--shard", "2/2"))
    )
    assert 0 < one["seconds"] < whole["seconds"]
    assert one["seconds"] + other["seconds"] < 2 * whole["seconds"]
    assert one["run_dir"].endswith(".1-of-2")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_rest_of_a_share_is_the_whole_run(here):
    assert gradlab(*SWEEP, "--out", here, "--name", "s2", "--quiet").code == 0
    assert files(here / "s2") == files(here / "whole")


def refused(said, *words):
    assert (said.code, said.out, said.err.count("\n")) == (2, "", 1), said.err
    for word in words:
        assert word in said.err


def test_a_missing_share_is_named(here):
    refused(merged(here, "s1", "s3"), "share 2/3 is missing", "lstm at T = 12", "of 4 groups")
    assert not (here / "merged").exists()


@pytest.mark.usefixtures("undrawn")
def test_a_share_that_was_cut_is_named(here):
    for shard in (here / "s2" / "shards").iterdir():
        shard.write_bytes(shard.read_bytes()[:-1])
    refused(merged(here, "s1", "s2", "s3"), "share 2/3 is not whole in ", "s2: ")
    said = gradlab(*SWEEP, "--shard", "2/3", "--out", here, "--name", "s2", "--quiet")
    assert said.code == 0
    assert "a damaged shard was computed again" in said.err
    assert merged(here, "s1", "s2", "s3").code == 0


@pytest.mark.slow
def test_another_run_is_refused_with_what_differs(here):
    other = [*SWEEP[:-1], "5", "--shard", "2/3", "--out", here, "--name", "other", "--quiet"]
    assert gradlab(*other).code == 0
    refused(merged(here, "s1", "other", "s3"), "other: has other settings than s1", "hidden was 4, now 5")


def begun(folder, **changes):
    file = folder / "begun.json"
    about = json.loads(file.read_text())
    for name, change in changes.items():
        about[name] |= change
    file.write_text(json.dumps(about))


def test_another_machine_is_refused_with_what_differs(here):
    begun(here / "s2", versions={"processor": "another"})
    refused(merged(here, "s1", "s2", "s3"), "s2: has other versions than s1", "now 'another'")
    for name in ("s1", "s3"):
        begun(here / name, versions={"processor": "another"})
    refused(merged(here, "s1", "s2", "s3"), "s1: was computed elsewhere: processor was 'another'")
    assert not (here / "merged").exists()


@pytest.mark.usefixtures("undrawn")
@pytest.mark.slow
def test_another_machine_is_taken_by_name_and_every_table_says_so(here):
    shutil.rmtree(here / "s2")
    own = runtime.versions
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gradlab.runtime.versions", lambda: own() | {"processor": "another"})
        words = ("--shard", "2/3", "--out", here / "there", "--name", "s2", "--quiet")
        assert gradlab(*SWEEP, *words).code == 0
    there = ("s1", "there/s2", "s3")
    refused(merged(here, *there), "unless --mixed takes them")
    said = merged(here, *there, words=("--mixed",))
    assert said.code == 0, said.err
    told = [
        "2 groups with processor another",
        f"2 groups with processor {own()['processor']}",
    ]
    texts = [" ".join(said.out.split()), document(gradlab("show", here / "merged", "--json").out)["mixed"]]
    assert gradlab("report", here / "merged", "-q").code == 0
    texts.append((here / "merged" / "report.md").read_text().replace("\\", ""))
    for text in texts:
        assert all(one in text for one in told)
    about = json.loads((here / "merged" / "run.json").read_text())
    assert sorted(one["groups"] for one in about["mixed"]) == [2, 2]
    # So does what judges it, and the run that is asked for again.
    junit = here / "junit.xml"
    checked = gradlab("check", here / "merged", "--json", "--junit", junit)
    again = gradlab("run", here / "merged" / "run.json", "--out", here, "--name", "merged", "--json", "-q")
    texts = [document(checked.out)["mixed"], junit.read_text(), document(again.out)["mixed"]]
    texts += [json.loads((here / "merged" / "findings.json").read_text())["mixed"]]
    for text in texts:
        assert all(one in text for one in told)
    # Repeated, it is that run still; one of equal machines says nothing.
    assert merged(here, *there, words=("--mixed",)).out == said.out
    assert "mixed" not in json.loads((here / "whole" / "run.json").read_text())


@pytest.mark.usefixtures("undrawn")
def test_other_numbers_of_one_thing_are_refused(here):
    shutil.copytree(here / "s2", here / "twice")
    assert merged(here, "s1", "s2", "twice", "s3").code == 0
    shutil.rmtree(here / "merged")
    from gradlab.runs.shards import Shards

    own = Shards(here / "twice")
    arrays = dict(own.get(cell="lstm", T=12))
    arrays["transport"] = arrays["transport"] + 1.0
    own.put(arrays, cell="lstm", T=12)
    refused(merged(here, "s1", "s2", "twice", "s3"), "twice: holds other numbers of lstm at T = 12 than s2")


@pytest.mark.parametrize("words", [(), ("--force",)])
def test_a_share_is_not_the_place_of_the_whole(here, words):
    before = contents(here / "s2")
    folders = [here / name for name in ("s1", "s2", "s3")]
    refused(
        gradlab("merge", *folders, "--out", here, "--name", "s2", "-q", *words), "s2 is one of the shares"
    )
    assert contents(here / "s2") == before


def test_what_is_no_share_is_refused(here, tmp_path):
    refused(merged(here, "s1", "whole"), "whole: is a finished run, no share of one")
    (here / "empty").mkdir()
    refused(merged(here, "empty"), "empty: holds no share of a run")
    refused(merged(here, "nowhere"), "nowhere: holds no share of a run")
    begun(here / "s1", settings={"cell": ["evil:Cell"]})
    refused(merged(here, "s1"), "'evil:Cell' names code, which a file may not")


@pytest.mark.parametrize("text", ["0/3", "4/3", "1", "1/0", "a/b", "1/99999", "-1/3", "١/٣"])
def test_what_is_no_i_of_n_is_refused(tmp_path, text):
    said = gradlab(*SWEEP, f"--shard={text}", "--out", tmp_path)
    refused(said, "--shard: ", "is no share; give i/n")
    assert list(tmp_path.iterdir()) == []


def test_the_whole_run_is_not_shared_again(here):
    said = gradlab(*SWEEP, "--shard", "1/2", "--out", here, "--name", "whole", "--quiet")
    refused(said, "holds the whole run already")
    assert store.begun(here / "whole") == {}
