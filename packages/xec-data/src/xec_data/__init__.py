"""ROOT files of the MEG II liquid-xenon detector.

Schema, streaming reader, writers, normalization, file check and fast simulation. What is listed here is
loaded when it is first used, so that importing the package costs nothing.
"""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
