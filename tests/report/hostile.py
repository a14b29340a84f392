"""Strings that would be something else than text: in HTML, SVG, Markdown, a template, a spreadsheet."""

# ruff: noqa: E501

HOSTILE = [
    "<script>alert(1)</script>", "</script><script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<svg onload=a()>",
    "<!--", "-->", "<!-- x --!>", "]]>", "<![CDATA[x]]>", "</style><b>", "</title><b>", "</textarea>", "</svg><b>",
    '"><b>', "'><b>", '" onclick="a()', "javascript:alert(1)", "{{ 7*7 }}", "{% raw %}", "{# x #}", "${7*7}", "#{7*7}",
    "&lt;b&gt;", "&amp;", "&#60;b&#62;", "&nbsp", "%3Cb%3E", "\\u003cb\\u003e", "<b", "<", ">", "&", '"', "'", "`",
    "**bold**", "__bold__", "*i*", "_i_", "~~s~~", "# head", "## head", "- item", "+ item", "1. item", "2) item", "> q",
    "    code", "```", "~~~", "`code`", "[x](http://e.org)", "![x](http://e.org/p.png)", "[x]: http://e.org", "<http://e.org>",
    "http://e.org/?a=1&b=2", "a@b.org", "@everyone", "owner/repo#1", "| a | b |", "a|b", "\\", "\\\\", "\\*", "***", "---",
    "===", "a\n===", "a\n\nb", "a\tb", "\x00", "\x07", "\x1b[31mred", "\r\n", "\x7f", "\x85", "\u2028", "\u2029", "\u202e<evil",
    "\u200b", "\ufeff", "\ud800", "\U0001f600", "日本語", "عربى", "e\u0301", "$x$", "$\\frac{", "$$x$$", "x_{", "\\(x\\)",
    "=1+1", "+1", "-1", "@SUM(A1)", "%s %d", "{0}", "../../etc/passwd", "a" * 300, "<a href=javascript:a()>", "<iframe>",
    "<base href=//e.org>", "<meta http-equiv=refresh>", "<style>*{}</style>", "<math><mi>", "<b>&", " ", ":smile:", "\u00a0",
]  # fmt: skip
