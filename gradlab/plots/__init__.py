"""One file per plot: a function `(run, *, settings) -> Figure` of the file's name, registered by being here.

A plot reads the labelled arrays of a run and measures nothing itself. It draws with matplotlib's
objects (no pyplot, no global state) in the one style of `_style.py`.
"""
