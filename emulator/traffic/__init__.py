"""Attackers and users at work: seeded traffic, judged by the packet oracle, told to the logs as Azure would tell it.

It knows who tries what, and how flow logs and sign-ins are written. It refuses to know who reads them: its own counts
are made without any query language, so that whoever does read them has something to compare with.
"""
