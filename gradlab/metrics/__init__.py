"""From profiles of log10 norms against lag to numbers: rates and horizons."""
