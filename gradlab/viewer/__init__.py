"""The viewer of a run of `gradlab neurons`: one HTML file in which a text is coloured by what a unit holds.

Nothing here computes a network: `page` puts what the run has measured into the file, and the file's own
scripts draw it, and compute the gradient of a chosen prediction from the weights that it holds.
"""
