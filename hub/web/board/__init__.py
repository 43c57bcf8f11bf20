"""The live board and the page of today."""
