"""Smart-community IoT and facilities monitoring hub."""

__version__ = "0.1.0"
