"""Reports: a run's tables, plots and findings as one HTML file, and the same in Markdown.

`sources` reads run folders; `verdict`, `captions`, `tabular` (`<study>_tables`), `figures`, `made` and
`explorer` each say one part of a report; `page` and `markdown` put the parts together, and `writing` puts
them on the disk. Every sentence is made from the numbers.
"""
