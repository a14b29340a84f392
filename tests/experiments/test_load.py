"""Settings files: what they come to, and that every fault of one is found and told with its path."""

import json
import re

import pytest

from gradlab.errors import GradlabError
from gradlab.experiments import load as experiments_load
from gradlab.specs import stored
from gradlab.studies.remedies.settings import Training
from gradlab.studies.sweep.settings import Sweep

HEAD = 'question = "Does it?"\n'
SWEEP = HEAD + '[sweep]\ncell = ["elman", "lstm"]\nw_rec = [0.5, 1.0]\nT = [8, 16]\nseeds = 3\n'
CLAIM = '[[claims]]\ntext = "It does."\nmetric = "rate"\n'


@pytest.fixture
def load(tmp_path):
    def load(text, size="full"):
        place = tmp_path / "some.toml"
        place.write_text(text)
        return experiments_load.load(place, size)

    return load


@pytest.fixture
def refused(load):
    def refused(text, size="full"):
        with pytest.raises(GradlabError) as caught:
            load(text, size)
        assert caught.value.code == 2
        return str(caught.value).partition("some.toml")[2]

    return refused


def test_a_sweep_has_the_defaults_of_the_command(load):
    found = load(HEAD + "[sweep]")
    assert found.asked == Sweep()
    assert found.name == "some"
    assert found.claims == ()


def test_values_are_lists_single_ones_or_ranges_and_members_spelt_alike(load):
    asked = load(HEAD + '[sweep]\ncell = "elman( activation = relu )"\nw_rec = "0.5:1.5:3"\nT = 9').asked
    assert asked == Sweep(cell=("elman(activation=relu)",), w_rec=(0.5, 1.0, 1.5), T=(9,))


def test_a_comparison_always_has_the_arm_none(load):
    text = '[remedies]\ntask = "adding"\nremedies = ["clip_norm(1.0)+orthogonal", "lstm"]\nT = 20\nlr = 0.01'
    asked = load(HEAD + text).asked
    assert asked == Training("adding", ("none", "clip_norm+orthogonal", "lstm"), T=(20,), lr=(0.01,))


def test_ci_overrides_some_keys_and_its_claims_are_its_own(load):
    claims = CLAIM + 'below = 1\nsize = "full"\nwhere = {T = 16}\n' + CLAIM + "below = 2\n"
    text = SWEEP + "[ci]\nT = 4\n" + claims
    full, ci = load(text), load(text, "ci")
    assert (full.asked.T, ci.asked.T) == ((8, 16), (4,))
    assert (full.name, ci.name) == ("some", "some-ci")
    assert (len(full.claims), len(ci.claims), ci.left_out) == (2, 1, 1)


def test_every_fault_is_told_with_its_path(refused):
    text = HEAD.replace("question", "qestion") + (
        '[sweep]\ncell = ["elmann", "lstm(x=1)"]\nw_rek = 1\nT = "8:4:2"\nseeds = "5"\nhidden = true\n'
        'objective = "all"\nw_rec = [0.5, "1"]\nprobe = ["nothing"]\ninput_std = "a"\n'
    )
    said = refused(text)
    for path in ("question: is missing", "qestion: no such key; did you mean question?"):
        assert path in said
    for key in ("cell", "w_rek", "T", "seeds", "hidden", "objective", "w_rec", "probe", "input_std"):
        assert f"sweep.{key}: " in said
    for words in ("did you mean elman?", "did you mean w_rec?", "empty range", "setting of lstm"):
        assert words in said
    assert "11 faults" in said


def test_faults_of_the_settings_are_told_together_too(refused):
    said = refused(HEAD + "[sweep]\nhidden = 0\nseeds = -1\nT = [4, 4]\ninput_std = -1.0")
    found = re.findall(r"(?:4 faults: |; )(sweep\.\w+): ", said)
    assert found == ["sweep.T", "sweep.hidden", "sweep.input_std", "sweep.seeds"]


ARMS = HEAD + '[remedies]\ntask = "latch"\n'


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("updates = 150\neval_every = 50", {"updates": 150, "eval_every": 50}),
        ("T = 4\nlongest = 8", {"T": (4,), "longest": 8}),
        ("target = 8", {"T": (8,), "target": 8}),
    ],
)
def test_a_setting_is_not_blamed_for_what_another_one_puts_right(load, text, wanted):
    asked = load(ARMS + text).asked
    assert {name: getattr(asked, name) for name in wanted} == wanted


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("updates = 150\neval_every = 50\nbatch = -1", ["batch"]),
        ("T = 4\nlongest = 8\nseeds = 0\nbatch = -1", ["batch", "seeds"]),
        ("T = 8\nlongest = 4", ["longest"]),
        ("updates = 150\neval_every = 40", ["updates"]),
        ("T = 9\ntarget = 8", ["T"]),
        ("T = 9\ntarget = 8\nbatch = -1", ["batch"]),
    ],
)
def test_settings_that_do_not_go_together_are_a_fault_at_its_place(refused, text, places):
    assert re.findall(r"(?:faults: |; |:)remedies\.(\w+): ", refused(ARMS + text)) == places


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEAD, "needs either [sweep] or [remedies], has 0"),
        (HEAD + '[sweep]\n[remedies]\ntask = "adding"', "has 2 of them"),
        (HEAD + "sweep = 3", ":sweep: 3 must be a table"),
        (HEAD + "[remedies]", ":remedies.task: is missing"),
        (HEAD + '[remedies]\ntask = "addin"', "did you mean adding?"),
        (HEAD + '[remedies]\ntask = "adding"\nremedies = ["clip"]', ":remedies.remedies[0]: no remedy"),
        (HEAD + '[remedies]\ntask = "adding"\nupdates = 0', ":remedies.updates: "),
        ('question = " "\n[sweep]', ":question: must be 1 to 1000 characters"),
        ('question = "a\\nb"\n[sweep]', "line break"),
        (HEAD + 'figures = ["nothing"]\n[sweep]', ":figures: no plot"),
        (HEAD + "[sweep]\nw_rec = []", "at least one number"),
        (HEAD + '[sweep]\nw_rec = "0:1:600000,2:3:600000"', "too many values"),
        (HEAD + '[sweep]\ncell = ["lstm, gru"]', "each in quotes of its own"),
        (SWEEP + "[ci]\nw_rek = 1", ":ci.w_rek: no such key; did you mean w_rec?"),
        (SWEEP + "[ci]\nseeds = 0", ":ci.seeds: "),
        (SWEEP + CLAIM, ":claims[0]: needs exactly one check, has 0"),
        (SWEEP + CLAIM + "above = 1\nbelow = 2", "has 2"),
        (SWEEP + CLAIM + "abov = 1", ":claims[0].abov: no such key; did you mean above?"),
        (SWEEP + CLAIM + "above = 1\nwithin = 2", ":claims[0].within: is no setting of above"),
        (SWEEP + CLAIM + 'above = "1"', ":claims[0].above: '1' must be a finite number"),
        (SWEEP + CLAIM + "equals = 1\nwithin = -1", ":claims[0].within: -1 must be 0 or more"),
        (SWEEP + CLAIM + "between = [2, 1]", "smaller number first"),
        (SWEEP + CLAIM + 'equals = "VANISH"', "must be a number"),
        (SWEEP + CLAIM.replace("rate", "regime") + 'equals = "DEAD"', "one of VANISH"),
        (SWEEP + CLAIM.replace("rate", "regime") + "above = 1", "regime is a word"),
        (SWEEP + CLAIM.replace("rate", "rte") + "above = 1", ":claims[0].metric: no metric"),
        (
            SWEEP + CLAIM + "above = 1\nwhere = { w_rec = 0.7 }",
            ":claims[0].where.w_rec: 0.7 is not in the grid",
        ),
        (SWEEP + CLAIM + 'above = 1\nwhere = { w_rec = "0.5" }', "must be a number"),
        (SWEEP + CLAIM + 'above = 1\nwhere = { cel = "lstm" }', "did you mean cell?"),
        (SWEEP + CLAIM + 'above = 1\nwhere = { cell = "gru" }', "'gru' is not in the grid"),
        (SWEEP + CLAIM + 'increases_with = "cell"', "no axis of numbers"),
        (SWEEP + CLAIM + 'greater_than = { cell = "gru" }', ":claims[0].greater_than.cell: "),
        (SWEEP + CLAIM + 'ranks_as = { cell = ["lstm"] }', "at least two"),
        (SWEEP + CLAIM + 'ranks_as = { cell = ["lstm", "lstm"] }', "twice"),
        (
            SWEEP + CLAIM.replace("rate", "border") + "above = 1\nwhere = { w_rec = 0.5 }",
            "where.w_rec: no such",
        ),
        (SWEEP + CLAIM + 'above = 1\nsize = "ci"', "the file has no [ci]"),
        (SWEEP + CLAIM + 'above = 1\nsize = "small"', "claims[0].size"),
        (SWEEP + "claims = 3", "claims"),
    ],
)
def test_one_fault_is_one_line(refused, text, said):
    line = refused(text)
    assert said in line
    assert "\n" not in line


def test_a_size_that_is_not_there_is_refused(refused):
    assert "the file has no smaller size" in refused(SWEEP, "ci")


@pytest.mark.parametrize(
    "code",
    ["evil:Cell", "stacked(cell=evil:Cell)", "evil.sub:Cell(x=1)", "os:system", "elman(activation=evil:f)"],
)
@pytest.mark.parametrize("place", ["cell", "remedies", "where"])
def test_a_file_never_names_code(refused, tmp_path, monkeypatch, code, place):
    (tmp_path / "evil.py").write_text(f"open({str(tmp_path / 'canary')!r}, 'w')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    text = {
        "cell": f'{HEAD}[sweep]\ncell = ["{code}"]',
        "remedies": f'{HEAD}[remedies]\ntask = "adding"\nremedies = ["cell(cell={code})", "{code}"]',
        "where": f'{SWEEP}{CLAIM}above = 1\nwhere = {{ cell = "{code}" }}',
    }[place]
    assert "names code, which a file may not" in refused(text)
    assert not (tmp_path / "canary").exists()


def test_what_was_resolved_and_stored_asks_the_same_again(load, tmp_path):
    text = SWEEP + CLAIM + "equals = -0.3\nwithin = 0.5\n" + CLAIM + 'ranks_as = { cell = ["lstm", "elman"] }'
    first = load(text)
    folder = tmp_path / "some"
    folder.mkdir()
    about = first.facts() | {"settings": stored(first.asked)}
    (folder / "run.json").write_text(json.dumps(about))
    assert experiments_load.load(folder / "run.json") == first


def test_a_listing_names_every_file_and_what_is_wrong_with_one(tmp_path):
    (tmp_path / "b.toml").write_text(HEAD)
    (tmp_path / "a.toml").write_text("x")
    (wrong, why), right = experiments_load.listing(tmp_path)
    assert wrong == "a"
    assert "not TOML" in why
    assert right == ("b", "Does it?")
