"""One module for each dashboard (one for all dashboards of a facility kind). A new one is added to ``dashboards.build``."""
