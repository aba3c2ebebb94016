"""The box's packet oracle: what the emulated network does with a packet, by Azure's documentation alone.

It shares no code and no author's assumption with the app's own evaluator; the tests hold the two against each other.
"""
