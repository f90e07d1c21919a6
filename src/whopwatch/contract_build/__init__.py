"""Making the contract from its declared sources.

Needs the `build` extra; nothing that runs a check imports this package.
"""
