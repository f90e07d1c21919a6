"""The pytest plugin: contract tests of an API, as parametrised tests."""
