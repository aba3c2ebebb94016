"""The JSON that callers send and get, and the values that it stands for. It knows JSON, and no HTTP."""
