from gradlab.checks.ranks_as import ranks_as
from tests.checks.made import point, samples

THREE = samples(*(point(m, m - 0.1, m + 0.1, cell=cell) for cell, m in (("a", 3.0), ("b", 1.0), ("c", 2.0))))


def test_the_order_holds_from_the_greatest_to_the_least():
    assert ranks_as(THREE, {}, {"cell": ["a", "c", "b"]}).status == "passed"
    assert ranks_as(THREE, {}, {"cell": ["a", "b"]}).status == "passed"


def test_another_order_fails_and_names_the_pair():
    verdict = ranks_as(THREE, {}, {"cell": ["a", "b", "c"]})
    assert verdict.status == "failed"
    assert verdict.at.where == {"cell": "b"}


def test_overlap_cannot_be_judged():
    close = samples(point(1.0, 0.9, 1.1, cell="a"), point(0.95, 0.8, 1.0, cell="b"))
    assert ranks_as(close, {}, {"cell": ["a", "b"]}).status == "inconclusive"
