from .write import write_site as write_site
