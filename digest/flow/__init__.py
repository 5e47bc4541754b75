"""Use cases: the only modules that name several stages, and the only ones that open transactions.

They read rows, hand them to a stage, and save what comes back. What is not here: parsing commands (cli), pages (web), and
waiting for a slot (daemon).
"""
