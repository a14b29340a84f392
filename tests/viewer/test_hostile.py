"""A run whose every string is meant to be something else, in a real browser: it is text, and nothing runs."""

from tests.report.hostile import HOSTILE
from tests.viewer import made
from tests.viewer.opened import HAPPENED, needed

pytestmark = needed


def test_it_is_shown_and_does_nothing(opening):
    text = "\n".join(HOSTILE) * 2
    said = iter(HOSTILE * 3)
    run = made.run(
        ("lstm",),
        hidden=3,
        text=text,
        words=lambda word: f"{next(said)}<script>alert(1)</script><img src=x onerror=alert(1)>{word}",
    )
    tab = opening(run)
    tags = "document.querySelectorAll('main :is(b, img, iframe, script, math, style)').length"
    label = tab.run("Study.labels[0].name")
    tab.run(f"location.hash = '#label=' + encodeURIComponent({label!r}) + '&at=30'")
    tab.until("document.getElementById('card').hidden === false")
    for top in range(0, 12000, 3000):
        tab.run(f"document.getElementById('text').scrollTop = {top}")
        tab.run("(async () => { for (let i = 0; i < 3; i++) await new Promise(requestAnimationFrame); })()")
        assert tab.run(tags) == 0
    for at in range(0, len(text), 97):
        tab.run(f"Place.tip(TextView.panes, {at}, 100, 100)")
        assert tab.run(tags) == 0
    assert not tab.events(*HAPPENED)
    assert not tab.events("Page.javascriptDialogOpening")
    assert tab.run("document.getElementById('unit').textContent").count("<script>")


def test_no_character_changes_the_order_of_others(opening):
    tab = opening(made.run(("elman",), hidden=3, text="a\u202eb\u2066c\x00d\u0301e\u200bf\t\n g"))
    rows = tab.run("[...document.querySelectorAll('#rows p')].map(p => p.textContent)")
    assert rows[1:] == ["a▯b▯c▯d\u0301e▯f→", " g"]
    assert tab.run("Study.named[Study.codes[1]]") == "U+202E"
