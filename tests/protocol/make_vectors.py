"""Write the vector files of the pure protocol: `python -m tests.protocol.make_vectors`."""

from tests.protocol import cells_vectors, links_vectors, signaling_vectors
from tests.protocol.vector_files import VECTORS, to_file_text


def file_texts() -> dict[str, str]:
    """Page → the exact text of its file; the same in every run."""
    pages = {"signaling": signaling_vectors, "cells": cells_vectors, "links": links_vectors}
    return {page: to_file_text(page, list(module.cases())) for page, module in pages.items()}


if __name__ == "__main__":
    for page, text in file_texts().items():
        (VECTORS / f"{page}.json").write_text(text)
