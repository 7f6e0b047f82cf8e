"""What every package of xec needs beside the detector: files written atomically, array types."""
