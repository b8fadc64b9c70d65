"""Steps of the formatter: words with their comments, layout, and one writer per kind of node."""
