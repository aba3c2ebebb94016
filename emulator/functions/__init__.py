"""A Functions host for one laptop: HTTP, timers and queues around Microsoft's own worker library."""
