"""What the commands share: the root command, errors, options, output files and printing. It holds no command."""
