"""A network of one's own on data of one's own: `gradlab measure`."""
