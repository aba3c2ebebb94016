"""The demo: Postern's main job, played from end to end over HTTP, and checked at every step. `make demo`."""
