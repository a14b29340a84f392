"""Arms that have ended are taken as they are kept, unless other code has computed them."""

import numpy as np
import pytest

from gradlab import digests
from gradlab.runs.shards import Shards
from gradlab.studies.remedies import arms, compute, ended, kept, work
from gradlab.studies.remedies.settings import Training

ASKED = Training(
    "latch",
    T=(4,),
    hidden=2,
    batch=2,
    updates=4,
    eval_every=2,
    eval_size=4,
    lr=(0.1,),
    seeds=2,
    remedies=("esn",),
)
KEY = kept.key_of_result("esn", 4, 1.0)


def run(shards, report=lambda progress: None):
    """What a share with the one arm of a reservoir comes to, which compiles least."""
    return list(compute._training(ASKED, report, shards, [("esn", 4)]))


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """The shards of an arm that was computed, and what it came to."""
    shards = Shards(tmp_path_factory.mktemp("first"))
    (found,) = run(shards)
    return shards, found


@pytest.fixture
def profiled(monkeypatch):
    """The arms that are profiled from now on: nothing of an arm is computed without that."""
    found, own = [], compute._profiled

    def watched(comparison, arm, setting, networks):
        found.append(arm.label)
        return own(comparison, arm, setting, networks)

    monkeypatch.setattr(compute, "_profiled", watched)
    return found


def equal(some, other):
    """Equal in everything but the seconds; NaN equals NaN."""
    told = [found._replace(seconds=0.0, evaluations={}, profiles={}) for found in (some, other)]
    assert repr(told[0]) == repr(told[1])
    for a, b in ((some.evaluations, other.evaluations), (some.profiles, other.profiles)):
        assert a.keys() == b.keys()
        for name in a:
            np.testing.assert_array_equal(a[name], b[name])


def others(code):
    """Codes that differ from one in one digest, and those of which nothing or less is known."""
    for what in code:
        yield f"another {what}", code | {what: "0"}
        yield f"no {what}", {name: digest for name, digest in code.items() if name != what}
    yield "one digest more", code | {"further": "0"}
    yield "none", None


def test_by_equal_code_nothing_is_computed(first, profiled, monkeypatch):
    shards, found = first
    for what in ("chosen", "train", "measure", "signal", "elsewhere"):
        monkeypatch.setattr(compute, what, None)
    told = []
    (again,) = run(shards, told.append)
    equal(again, found)
    assert profiled == []
    # The progress hears of each stage, and that nothing of it was computed.
    assert told
    assert not any(one.computed for one in told)


def taken(shards):
    """What is taken of the arm as it is kept."""
    arm = arms.arm("esn", ASKED.cell, ASKED.init)
    setting = work.setting_of(ASKED, arm, 4, ASKED.hidden)
    return compute._ended(ASKED, "esn", arm, setting, lambda progress: None, shards)


def test_what_other_code_has_kept_is_not_taken(first):
    """Whatever digest it is that differs or is missing; shares of older versions have none."""
    shards, found = first
    content, arrays = shards.content(KEY), shards.get(**KEY)
    assert digests.unpacked(arrays) == found.code
    begun = ended.begun(shards, "esn", 4)
    try:
        for what, code in others(found.code):
            packed = {} if code is None else digests.packed(code)
            shards.put(digests.without(arrays) | packed, **KEY)
            # It is whole, and still not taken.
            assert ended.result(shards, "esn", 4, 1.0, begun, 2) is not None, what
            assert taken(shards) == [], what
    finally:
        shards.take(KEY, content)
    assert len(taken(shards)) == 1


@pytest.mark.slow
@pytest.mark.parametrize("without", [False, True])
def test_it_is_computed_and_kept_anew(first, profiled, without):
    shards, found = first
    content, arrays = shards.content(KEY), shards.get(**KEY)
    code = {} if without else digests.packed(found.code | {"profile": "0"})
    shards.put(digests.without(arrays) | code, **KEY)
    (again,) = run(shards)
    equal(again, found)
    assert profiled == ["esn", "esn"]
    assert shards.content(KEY) == content
