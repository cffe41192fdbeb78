from .open import open_catalogue as open_catalogue
from .open import read_table as read_table
from .source import Catalogue as Catalogue
from .source import Part as Part
