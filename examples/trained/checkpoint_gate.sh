#!/bin/sh
# Does this checkpoint still send its gradients back as it did? A gate for CI: exit 0 it does, 1 it does not.
#
#   sh checkpoint_gate.sh weights.safetensors --arch lstm --head head     a file of weights (.npz, .pt)
#   sh checkpoint_gate.sh mypackage.model:make                            what your own code computes with them
#
# The first run writes gradients.json, which is committed; later ones are compared with it. On the same windows
# (the same --seed) every number is compared, to rounding: gradients that alone have changed by a millionth show.
# On others (--seed 1) the weights are compared as closely, and gradients by intervals over the windows. How often
# 20 windows show there that the way back through h alone has become weaker, in this model: 1 of 100 for 2 %,
# 30 of 100 for 10 %, 86 of 100 for 20 %, 100 of 100 for 30 %. So a gate keeps its seed.
set -eu
here=$(dirname "$0")
gradlab measure "$@" --data "$here/data/sunspots.csv" --columns sunspots --target next -T 40 --windows 20 \
    --name gate --force --quiet
test -f gradients.json || gradlab baseline create results/gate -o gradients.json
gradlab check results/gate --baseline gradients.json
