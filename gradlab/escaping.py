"""Names and values are text wherever they are shown: one function per place that would read them otherwise.

What comes from a file is made `plain` where it enters a line; the other functions begin with that.
"""

import re
from typing import Any

_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
# What CI services take for commands in a log: `::name` after blanks (GitHub), `##[name` and `##vso[name`
# anywhere (GitHub, Azure), `##teamcity[name`.
_COMMAND = re.compile(r"^(\s*):(?=:)|(#)#(?=\w*\[)", re.MULTILINE)


def plain(text: str) -> str:
    r"""One line for people: control, format and bidirectional characters become escapes.

    >>> plain("a\x1b[31m\n")
    'a\\x1b[31m\\n'
    """
    import unicodedata

    if text.isascii() and text.isprintable():
        return text
    return "".join(ascii(c)[1:-1] if unicodedata.category(c) in _INVISIBLE else c for c in text)


def terminal(text: str) -> str:
    r"""Lines for a terminal or a log: only line breaks and tabs control it, none is a command to CI.

    >>> terminal("a\x1b[31m\n::error::b")
    'a\\x1b[31m\n\\x3a:error::b'
    """
    if not (text.isascii() and text.replace("\n", "").replace("\t", "").isprintable()):
        text = re.sub(r"[^\n\t]+", lambda found: plain(found[0]), text)
    return _COMMAND.sub(lambda found: f"{found[1]}\\x3a" if found[2] is None else r"#\x23", text)


def document(value: Any, indent: int | None = None, *, sort_keys: bool = False) -> str:
    r"""Strict JSON in printable ASCII that is no command to CI in a log; NaN and infinity are a `ValueError`.

    >>> document({"a": "\x7f##[b]"})
    '{"a": "\\u007f#\\u0023[b]"}'
    """
    import json

    text = json.dumps(value, allow_nan=False, indent=indent, sort_keys=sort_keys)
    text = text.replace("\x7f", r"\u007f")
    return re.sub(r"##(?=\w*\[)", r"#\\u0023", text)


def script(value: Any) -> str:
    r"""Strict JSON for a script element: it ends none and starts none, since `<`, `>` and `&` are escaped.

    >>> script("</script>")
    '"\\u003c/script\\u003e"'
    """
    import json

    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def spreadsheet(text: str) -> str:
    """A CSV cell: text that a spreadsheet would run as a formula gets an apostrophe.

    >>> spreadsheet("=1+1"), spreadsheet("elman")
    ("'=1+1", 'elman')
    """
    text = plain(text)
    return f"'{text}" if re.match(r"'*[=+\-@]", text) else text


def markdown(text: str) -> str:
    r"""A cell of a Markdown table: nothing in it is a link, HTML, emphasis, a mention or another cell.

    >>> markdown("<b>|*x*")
    '&lt;b&gt;&#124;\\*x\\*'
    """
    text = plain(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = re.sub(r"([\\`*_\[\]()!#~{}])", r"\\\1", text).replace("|", "&#124;")
    # GitHub turns @name, owner#1 and bare addresses into links.
    return text.replace("@", "@&#8203;").replace("://", ":&#47;/")


def workflow(text: str, *, is_property: bool = False) -> str:
    r"""Text of a GitHub workflow command, which ends at a line break; a property also at `:` and `,`.

    >>> workflow("100 %\n::stop")
    '100 %25%0A::stop'
    """
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return text.replace(":", "%3A").replace(",", "%2C") if is_property else text


def openmetrics(text: str) -> str:
    """The value of an OpenMetrics label, between its quotes."""
    return plain(text).replace("\\", r"\\").replace('"', r"\"")
