"""The parts of the series store on InfluxDB."""
