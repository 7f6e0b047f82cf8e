"""What a bug report needs, and what is wrong on a machine."""
