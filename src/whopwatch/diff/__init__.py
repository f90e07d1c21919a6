"""Compare two API descriptions (contracts, OpenAPI documents, SDK releases) by drift class."""
