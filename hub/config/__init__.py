"""The settings of a hub: settings.py says what there is, loading.py where it comes from, table.py how the docs tell it.

May be imported by any part of the hub; most parts are handed theirs by part_settings.py.
"""

from hub.config.loading import ConfigError, load_settings
from hub.config.settings import Settings
from hub.config.table import settings_table

__all__ = ["ConfigError", "Settings", "load_settings", "settings_table"]
