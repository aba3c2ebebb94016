"""Azure behind the ports.

Each module imports its SDK at its top; `bootstrap` imports these modules on first use, so that starting is quick.
"""
