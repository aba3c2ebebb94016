"""Servers outside Azure: their run commands, executed for real where this computer allows it."""
