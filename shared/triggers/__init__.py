"""The inbound shell: HTTP, timers and queues. Parse, call, map; nothing is decided here."""
