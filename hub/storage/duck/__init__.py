"""The parts of the embedded series store on DuckDB."""
