"""The steps of a request to the simulated API."""
