"""What the commands do, from Python: one call each.

>>> import gradlab
>>> linear = "elman(activation=identity)"
>>> run = gradlab.sweep(cell=linear, hidden=4, w_rec=[0.5, 1.0], T=20, seeds=3, quiet=True)
>>> run.table()["regime"].tolist()
['VANISH', 'STABLE']
"""
