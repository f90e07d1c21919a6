"""The prober: read operations requested on schedule, checked against the contract, exported to Prometheus."""
