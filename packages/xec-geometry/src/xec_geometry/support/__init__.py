"""Tools that all packages of xec share: atomic files, tables with plug-ins, caches, array types."""
