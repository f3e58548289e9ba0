"""Benchmarks: each against a peer in the same run, because absolute numbers say more about the machine than about us.

`python bench [NAME…] [--json FILE] [--quick]` from the root of the repository runs them and prints a table. One file
per benchmark; each yields `Row`s.
"""
