"""The prober: documented reads, asked on schedule, held against the contract, and exported to Prometheus."""
