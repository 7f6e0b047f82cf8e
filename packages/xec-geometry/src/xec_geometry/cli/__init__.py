"""The `xec` command, which hosts the commands of all installed packages."""
