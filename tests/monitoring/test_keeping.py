"""What a Monitor keeps: a whole run at any moment, of which nothing that was there is lost."""

import os

import pytest

import gradlab
from gradlab.errors import GradlabError
from gradlab.monitoring import keeping
from gradlab.runs import contents
from gradlab.studies.sweep import results


def test_a_run_that_is_there_is_kept_unless_it_may_go(lost, tmp_path):
    monitor, _ = lost
    before = (monitor.folder / "run.json").read_bytes()
    with pytest.raises(GradlabError, match=r"^folder: .* holds a run already; choose another, or force=True"):
        gradlab.Monitor(monitor.folder)
    assert (monitor.folder / "run.json").read_bytes() == before
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "note.txt").write_text("mine")
    with pytest.raises(GradlabError, match=r"holds 'note\.txt', which gradlab did not write"):
        gradlab.Monitor(tmp_path / "own", force=True)


def test_killed_at_any_moment_of_writing_a_whole_run_is_left(lost, tmp_path, monkeypatch):
    monitor, _ = lost
    runs = [keeping.run(monitor._looks[:many], [], 0) for many in (2, 3)]
    former, new = [(run.about, results.files(run)) for run in runs]
    whole = [set(files) - {"failures.jsonl"} for _, files in (former, new)]
    assert whole[0] == whole[1] == set(results.FILES)
    for cut in range(100):
        folder = tmp_path / str(cut)
        folder.mkdir()
        contents.rewrite(folder, *former)
        killed = _killed_after(cut, lambda folder=folder: contents.rewrite(folder, *new), monkeypatch)
        about, held = contents.read(folder, results.FILES)
        found = former if len(about["networks"]) == 2 else new
        assert held == {name: found[1][name] for name in results.FILES}
        # The next write goes on from there, and leaves nothing beside it.
        contents.rewrite(folder, *new)
        assert contents.read(folder, results.FILES)[1] == {name: new[1][name] for name in results.FILES}
        assert {path.name for path in folder.iterdir()} == {*new[1], "run.json"}
        if not killed:
            break
    assert cut == 2 * len(new[1]) + 1
    assert gradlab.load(folder).norms.sizes["cell"] == 3


class Killed(BaseException):
    pass


def _killed_after(files, write, monkeypatch):
    """Write, killed once so many files have been put in their place; whether it was."""
    done = []
    real = os.replace

    def counted(*places):
        if len(done) == files:
            raise Killed
        done.append(places)
        real(*places)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", counted)
        try:
            write()
        except Killed:
            return True
    return False


def test_of_many_looks_each_second_goes_but_none_that_failed(lost):
    monitor, _ = lost
    good, _, bad = monitor._looks
    many = [good._replace(update=at) for at in range(keeping.MOST)]
    assert len(keeping.thinned(many)) == keeping.MOST
    later = [bad._replace(update=keeping.MOST + 1), good._replace(update=keeping.MOST + 2)]
    # Places 0, 2, 4, ... stay, and beside them the look that failed, which has an odd one.
    longer = [*many, good._replace(update=keeping.MOST), *later]
    kept = [look.update for look in keeping.thinned(longer)]
    assert kept == [*range(0, keeping.MOST + 1, 2), keeping.MOST + 1, keeping.MOST + 2]
