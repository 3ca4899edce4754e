#!/bin/sh
# The version in force, with its own Node.
exec /opt/patrol-unit/current/bin/node /opt/patrol-unit/current/dist/patrol-unit.mjs "$@"
