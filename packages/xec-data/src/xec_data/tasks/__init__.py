"""The quantities that networks learn: one table, from which every package takes what it needs.

Adding a task is one entry: `Task` for the entry-point group ``xec.tasks`` of an installed package.
"""
