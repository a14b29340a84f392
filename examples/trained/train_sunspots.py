"""Train the LSTM of these examples, in torch: next year's sunspots from all the years before.

Yearly sunspot numbers 1700 to 2008 (data/sunspots.csv: year, its number, the next one) come from the
National Geophysical Data Center (statsmodels carries them) and are in the public domain. It takes a quarter
of a minute on one core; the weights are data/sunspots_lstm.npz.
"""

import sys
from pathlib import Path

import numpy as np
import torch

HERE = Path(__file__).parent
N, UPDATES, SCALE = 8, 300, 100.0
torch.manual_seed(0)
torch.set_num_threads(1)
_, now, after = torch.tensor(np.loadtxt(HERE / "data/sunspots.csv", delimiter=",", skiprows=1)).T / SCALE
lstm = torch.nn.LSTM(1, N, dtype=torch.float64)
head = torch.nn.Linear(N, 1, dtype=torch.float64)
model = torch.nn.ModuleDict({"lstm": lstm, "head": head})
updates = torch.optim.Adam(model.parameters(), lr=0.02)

for update in range(UPDATES):
    miss = head(lstm(now[:, None])[0])[:, 0] - after
    loss = ((1 + miss**2).sqrt() - 1).mean()  # pseudo-Huber: a parabola, and straight where it misses by much
    updates.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    updates.step()
    if update % 50 == 0 or update == UPDATES - 1:
        print(f"update {update + 1}: misses by {SCALE * miss.abs().mean().item():.1f} sunspots")

# In sunspots, not in hundreds of them: what goes in and comes out is what stands in the table.
weights = {name: w.numpy() for name, w in model.state_dict().items()}
weights["lstm.weight_ih_l0"] /= SCALE
weights["head.weight"] *= SCALE
weights["head.bias"] *= SCALE
np.savez(sys.argv[1] if len(sys.argv) > 1 else HERE / "data/sunspots_lstm.npz", **weights)
