"""Azure Resource Manager in a box: Microsoft.Network in depth, Microsoft.Compute as far as a network path needs it."""
