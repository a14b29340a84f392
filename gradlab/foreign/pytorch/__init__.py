"""Networks of PyTorch: its layers read into equal steps, its weights read from files, its modules sent back.

Nothing here imports torch before it is given something of torch's.
"""
