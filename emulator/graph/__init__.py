"""Azure Resource Graph in a box: KQL over what stands, as it stood a moment ago."""
