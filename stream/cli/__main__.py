"""``python -m stream.cli``: the command, where no script is installed."""

from stream.cli import main

if __name__ == "__main__":  # a worker's own processes import this again
    main()
