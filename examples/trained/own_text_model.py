"""What do the units of a character model hold that was trained elsewhere? A GRU of torch, opened."""

import pydoc_data.topics
import tempfile
from pathlib import Path

import torch

import gradlab

N, T, BATCH, UPDATES = 48, 64, 32, 200
text = "\n".join(pydoc_data.topics.topics.values())[:200_000]
letters = sorted(set(text))
codes = torch.tensor([letters.index(letter) for letter in text])
trained, later = codes[:-20_000], text[-20_000:]


class Model(torch.nn.Module):
    """Guesses the next character."""

    def __init__(self):
        super().__init__()
        self.embed = torch.nn.Embedding(len(letters), 16)
        self.rnn = torch.nn.GRU(16, N, batch_first=True)
        self.head = torch.nn.Linear(N, len(letters))

    def forward(self, passages):
        """Logits of each next character."""
        return self.head(self.rnn(self.embed(passages))[0])


torch.manual_seed(0)
model = Model()
adam = torch.optim.Adam(model.parameters(), 0.01)
for _ in range(UPDATES):
    passages = torch.stack([trained[s : s + T + 1] for s in torch.randint(len(trained) - T - 1, (BATCH,))])
    guessed = model(passages[:, :-1]).flatten(0, 1)
    loss = torch.nn.functional.cross_entropy(guessed, passages[:, 1:].flatten())
    adam.zero_grad()
    loss.backward()
    adam.step()

with tempfile.TemporaryDirectory() as folder:
    weights, held_out = Path(folder, "model.pt"), Path(folder, "later.txt")
    torch.save({"state_dict": model.state_dict(), "alphabet": "".join(letters)}, weights)
    held_out.write_text(later, encoding="utf-8")
    # From the command line: gradlab neurons later.txt --weights model.pt --arch gru
    run = gradlab.neurons(held_out, weights=str(weights), arch="gru", scored=5000, quiet=True)
print(run.verdict)
table = run.table()
print(table.loc[table["above"], ["label", "unit", "score", "untrained", "random"]].to_string(index=False))
