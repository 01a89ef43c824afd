#!/bin/sh
# numba takes a cache only where it may write, and the image's root is read-only. So the kernels
# compiled into the image are copied to the tmpfs: without them each start would take half a minute.
set -eu
[ -e "$NUMBA_CACHE_DIR" ] || cp -r "$KERNELS" "$NUMBA_CACHE_DIR"
exec tocsin "$@"
