"""The subcommands of ``hub``: one module each, with ``add(parsers)`` and what it runs."""
