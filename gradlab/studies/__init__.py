"""A study is a kind of run: what it asks, what it computes, and what its results say."""
