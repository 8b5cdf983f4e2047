# Filled with its first file.
