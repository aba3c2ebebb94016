"""The rules of the house as pure values and functions.

This package performs no I/O and reads neither clock nor environment: time, randomness and settings
are arguments. It imports nothing but the standard library.
"""
