"""All SQL: tables, engine, migrations, and one module of queries per subject.

Queries take an open connection as their first argument and never open or end a transaction; `flow` does. What is not here:
decisions. A query says what is so, or makes it so.
"""
