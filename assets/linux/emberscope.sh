#!/bin/sh
# The command line of Emberscope, on the app's own runtime. Works wherever its folder lies.
here=$(dirname -- "$(readlink -f -- "$0")")
app=$(dirname -- "$here")
# A JSON array: see emberscope --help, ENVIRONMENT.
EMBERSCOPE_APP_COMMAND="[\"$(printf '%s' "$app" | sed 's/[\\"]/\\&/g')/emberscope\"]"
export EMBERSCOPE_APP_COMMAND
ELECTRON_RUN_AS_NODE=1 exec "$app/emberscope" "$app/resources/app.asar.unpacked/dist/cli/main.js" "$@"
