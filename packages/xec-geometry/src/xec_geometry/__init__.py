"""The sensors of the MEG II liquid-xenon photon detector.

Positions, faces, index maps, neighbours, coordinates and solid angles; and the `xec` command.
Lengths are cm. Arrays that these functions return are shared tables and read-only. What is listed here is
loaded when it is first used, so that commands start without it.
"""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
