"""What a hand does to the page of a viewer, and what an eye reads there."""


def settle(tab):
    """Wait until what was asked for has been drawn."""
    tab.run("(async () => { for (let i = 0; i < 2; i++) await new Promise(requestAnimationFrame); })()")


def canvas(tab):
    return {
        name: int(value)
        for name, value in tab.run("({ ...document.getElementById('canvas').dataset })").items()
    }


def unit(tab):
    return tab.run("document.getElementById('unit-name').textContent")


def address(tab):
    return tab.run("Object.fromEntries(new URLSearchParams(location.hash.slice(1)))")


def go(tab, words):
    tab.run(f"location.hash = {words!r}")
    settle(tab)


def choose(tab, name, value):
    tab.run(
        f"(() => {{ const c = document.getElementById({name!r});"
        f" if (c.type === 'checkbox') c.checked = {str(bool(value)).lower()}; else c.value = {value!r};"
        " for (const kind of ['change', 'input']) c.dispatchEvent(new Event(kind, { bubbles: true })); })()"
    )
    settle(tab)


def pixels(tab):
    return tab.run("document.getElementById('canvas').toDataURL()")


def place(tab, at, down=10):
    """Where on the screen a character is, so many pixels below the top of its line."""
    return tab.run(
        "(() => { const rows = [...document.querySelectorAll('#rows p')]; let seen = 0;"
        f" for (const row of rows) if (row.dataset.begin <= {at} && {at} < row.dataset.end) {{"
        " const box = row.getBoundingClientRect();"
        f" return [box.left + ({at} - row.dataset.begin + 0.5) * row.dataset.cell, box.top + {down}]; }}"
        " return null; })()"
    )
