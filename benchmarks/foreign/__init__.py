"""Try what foreign code can reach: `python -m benchmarks.foreign` runs a hostile SDK and a hostile MCP program."""
