"""A network looked at while somebody trains it: `gradlab.Monitor`."""
