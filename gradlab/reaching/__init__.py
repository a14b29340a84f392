"""How far back the last output of any model feels its inputs: `gradlab.reach`."""
