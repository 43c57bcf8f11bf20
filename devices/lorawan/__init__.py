"""What LoRaWAN devices say inside an uplink, whichever network server carried it.

A network server hands over the bytes of a device, the object that a codec on the server made of them, or both.
``codecs`` reads the bytes of the makers whose tables are published, ``fields`` turns an object into readings, and
``uplink`` is what the formats of all network servers share.
"""
