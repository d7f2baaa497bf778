"""How the tables came to be what ``tables.py`` says, one step a file.

Rules, which ``docs/specs.md`` tells operators:

1. A revision is four digits. The first is its *line*, the others count: 0001, 0002.
2. A step only adds: tables, indexes, and columns that are null or have a default of
   the database's. So a server of an older release can go on with the tables of a
   newer one on the same line, during a roll-out and after a rollback.
3. A step that breaks rule 2 begins the next line (1001). Servers refuse a line that
   they do not know.
4. A step says itself what it makes, and imports nothing of ``tables.py``, which
   moves on.
5. The steps before alembic are 0001, the tables of servers without migrations. What
   such servers made is taken over: steps create what is missing.
"""
