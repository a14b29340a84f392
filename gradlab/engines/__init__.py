"""Where a run is computed: shares of it, and workers of a cluster."""
