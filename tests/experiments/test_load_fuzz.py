"""Any file is a valid experiment or refused in a line."""

import json

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gradlab.errors import GradlabError
from gradlab.experiments import load as experiments_load
from gradlab.specs import stored

WORDS = st.sampled_from(
    [
        "elman",
        "lstm",
        "rate",
        "regime",
        "VANISH",
        "w_rec",
        "T",
        "cell",
        "0.5:1.5:3",
        "1:2:999999",
        "none",
        ":",
        "(",
    ]
)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    WORDS,
    st.just(0.5),
    st.just(8),
)
KEYS = st.one_of(
    st.sampled_from(
        [
            "question",
            "sweep",
            "remedies",
            "ci",
            "claims",
            "figures",
            "cell",
            "init",
            "w_rec",
            "T",
            "hidden",
            "seeds",
            "task",
            "remedies",
            "text",
            "metric",
            "where",
            "equals",
            "within",
            "above",
            "below",
            "between",
            "increases_with",
            "greater_than",
            "ranks_as",
            "size",
            "probe",
            "lr",
        ]
    ),
    st.text(max_size=5),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
ROUGH = st.dictionaries(KEYS, VALUES, max_size=5)
CLAIMS = st.lists(
    st.fixed_dictionaries(
        {"text": st.just("It does."), "metric": st.sampled_from(["rate", "regime", "border", "x"])},
        optional=dict.fromkeys(
            ("where", "equals", "above", "between", "greater_than", "ranks_as", "size"), VALUES
        ),
    ),
    max_size=2,
)
NEAR = st.fixed_dictionaries(
    {"question": st.just("Does it?"), "sweep": st.dictionaries(KEYS, VALUES, max_size=3)},
    optional={"claims": CLAIMS, "ci": st.dictionaries(KEYS, VALUES, max_size=2), "figures": VALUES},
)
FILES = st.one_of(st.binary(max_size=200), ROUGH.map(dict), NEAR.map(dict))


def toml(value):
    """A value as TOML would have it, valid or not."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value) if isinstance(value, str | bool) else repr(value)


def loaded(path):
    """The question of a file, or why it was refused."""
    try:
        return experiments_load.load(path), None
    except GradlabError as error:
        return None, error


def check(place, content):
    """Valid, and then its settings are stored and read again as they were; or exit 2."""
    if isinstance(content, dict):
        lines = (f"{json.dumps(key)} = {toml(value)}" for key, value in content.items())
        content = "\n".join(lines).encode("utf-8", "replace")
    (place / "fuzzed.toml").write_bytes(content)
    found, refusal = loaded(place / "fuzzed.toml")
    if refusal is not None:
        assert refusal.code == 2
        assert refusal.what.replace("\n", "").isprintable()
        return
    (place / "run.json").write_text(json.dumps(found.facts() | {"settings": stored(found.asked)}))
    assert experiments_load.load(place / "run.json").asked == found.asked


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzzed")


fuzz = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None)
NAMELESS = {"text": "It does.", "metric": "rate", "where": 0.5, "ranks_as": {"\x1f": 0.5}}


@settings(fuzz, max_examples=1_000, derandomize=True)
@given(content=FILES)
@example(content={"question": "Does it?", "sweep": {}, "claims": [NAMELESS]})
@example(content={"question": "Does it?", "sweep": {"cell": ["lstm"], "w_rec": 0.5, "T": 8}})
@pytest.mark.slow
def test_thousands_of_files_are_valid_or_refused(place, content):
    check(place, content)


@pytest.mark.long
@settings(fuzz, max_examples=10_000)
@given(content=FILES)
def test_ten_thousand_files_are_valid_or_refused(place, content):
    check(place, content)
