"""Blocks of the networks: ConvNeXt V2, HexNeXt, and their parts."""
