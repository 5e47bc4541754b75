"""What a site is set to: read once, frozen, handed to whoever needs it.

values -> tables -> faults -> reading; pending: what is known and not acted on yet
"""

from digest.settings.pending import not_yet
from digest.settings.reading import FILE, load
from digest.settings.tables import (
    Gather,
    Newsletter,
    Select,
    Settings,
    Site,
    Smtp,
    Source,
)
from digest.settings.values import dkim_names, is_loopback, is_this_machine

__all__ = [
    "FILE",
    "Gather",
    "Newsletter",
    "Select",
    "Settings",
    "Site",
    "Smtp",
    "Source",
    "dkim_names",
    "is_loopback",
    "is_this_machine",
    "load",
    "not_yet",
]
