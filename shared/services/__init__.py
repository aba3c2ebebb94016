"""The use cases: load, ask the domain, carry out, record. They know the ports, and no Azure."""
