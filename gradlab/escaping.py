"""Names and values are text wherever they are shown: one function a place that would read them otherwise."""

import re

_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def plain(text: str) -> str:
    r"""One line for people: control, format and bidirectional characters become escapes.

    >>> plain("a\x1b[31m\n")
    'a\\x1b[31m\\n'
    """
    import unicodedata

    if text.isascii() and text.isprintable():
        return text
    return "".join(ascii(c)[1:-1] if unicodedata.category(c) in _INVISIBLE else c for c in text)


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
