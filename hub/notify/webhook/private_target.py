"""The refusal of an address inside the hub's own network; alone, so that naming it costs no HTTP library."""


class PrivateTarget(Exception):
    """The host's name leads to loopback, a private or another special network.

    No OSError: urllib3 would take that for a broken connection and hide it.
    """
