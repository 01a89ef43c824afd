"""``python -m stream.cli``: the command, where no script is installed."""

from stream.cli import main

main()
