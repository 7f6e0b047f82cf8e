"""ROOT files to arrays: trees, shards, the streaming reader."""
