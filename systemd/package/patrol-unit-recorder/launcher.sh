#!/bin/sh
# The program with its own Node.
exec /usr/lib/patrol-unit-recorder/bin/node /usr/lib/patrol-unit-recorder/dist/patrol-unit.mjs "$@"
