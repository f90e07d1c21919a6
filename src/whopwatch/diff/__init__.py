"""Two promises compared: contracts, OpenAPI files and SDK releases, by drift class."""
