"""What `digest demo` starts besides the daemon: a sample newsroom and an inbox, all on this machine.

What is not here: anything that the daemon needs. Only the command line calls it.
"""
