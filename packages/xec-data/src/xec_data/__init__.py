"""ROOT files of the MEG II liquid-xenon detector: schema, streaming reader, writer, normalization, file check and fast simulation."""
