"""`gradlab` and `python -m gradlab`."""

import os


def main() -> None:
    """Run the command line; a Ctrl-C before it listens, or after, is no traceback."""
    try:
        from gradlab import cli

        cli.main()
    except KeyboardInterrupt:
        os._exit(130)


if __name__ == "__main__":
    main()
