"""Settings that hold for all tests."""

import os

# Tests use tiny networks, for which several threads cost more than they give. Set before torch is imported,
# and inherited by the processes that tests start.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")
