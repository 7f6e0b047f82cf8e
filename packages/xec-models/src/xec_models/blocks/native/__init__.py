"""Operators of blocks in C++, compiled on the machine that uses them."""
