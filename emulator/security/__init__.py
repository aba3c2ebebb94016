"""Microsoft.Security of the emulated Azure."""
