"""Exit codes of `xec`, besides 0; those above 63 are of ``sysexits.h``."""

from __future__ import annotations

USER_ERROR = 2
"""An error that the user can mend."""

INTERNAL_ERROR = 70
"""An error that nobody foresaw (EX_SOFTWARE)."""

INTERRUPTED = 75
"""Work that was interrupted and can be gone on with (EX_TEMPFAIL)."""
