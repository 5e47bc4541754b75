"""Who gets an issue, as a rule value that `store` turns into SQL; and reading the files that lists come from.

Pure: text in, values out. What is not here: rows, and the moment at which the rule is applied (flow/publish).
"""
