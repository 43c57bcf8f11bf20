"""The registry in the words of others: Brick, Project Haystack, NGSI-LD with the Smart Data Models."""
