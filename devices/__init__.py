"""What real devices say: pure decoders, profiles and a simulator. Imports nothing from hub."""
