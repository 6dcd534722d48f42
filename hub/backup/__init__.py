"""Copies of a hub: backups taken while it runs, restores that are noticed, and the history carried from one store to another.

Owns the shape of a backup and what makes it whole; must not know which history store there is beyond the ports. Called by main.py for
POST /api/v1/backup, and by the command line where no hub runs.
"""
