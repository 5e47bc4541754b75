"""Frozen data and the rules that hold whatever the database or the network do.

Pure: the standard library, cronsim (cron expressions) and idna (domain names). Nothing here asks the time.
"""
