"""A believable community with scripted faults, publishing over MQTT."""
