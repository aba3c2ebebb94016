"""Postern: just-in-time VM access on network security groups."""
