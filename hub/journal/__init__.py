"""The journal: the append-only record of every frame that everything else in the hub follows.

Owns group commit, marks, cursors, trimming and the bounds of its disk; must not know what a frame means. Device sessions submit
and are told what is durable; followers read by cursor.
"""

from hub.journal.batch import Entry, Owner
from hub.journal.journal import Journal
from hub.journal.pending import MAX_COMMIT_ROWS
from hub.journal.room import JournalSettings
from hub.journal.sqlite_file import SQLiteJournalFile

__all__ = ["MAX_COMMIT_ROWS", "Entry", "Journal", "JournalSettings", "Owner", "SQLiteJournalFile"]
