"""What goes into the vector files, one module per spec page."""
