"""whopwatch's own plugin comes by its entry point; pytester is what it is tested with."""

pytest_plugins = ["pytester"]
