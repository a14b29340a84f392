"""`gradlab verify`: is a gradient right? Every way to compute it, against every other, in float64."""
