"""The bootwave command.

``tree`` names every command and where it is; ``main`` finds the one that was asked for,
imports its module and no other, and turns whatever goes wrong into one sentence.
Commands are plain functions: they take what typer reads from their signature, get at
the options and the store through ``place`` and print through ``output``.
"""
