"""Programs for operators, each to be run by itself."""
