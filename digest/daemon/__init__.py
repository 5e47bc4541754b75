"""The long-running process: what is started and stopped in which order, and what wakes it.

What is not here: what is due (model/schedule), the acts (flow), the pages (web).
"""
