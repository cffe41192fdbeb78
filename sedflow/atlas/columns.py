"""Names of the columns in the published files of the NASA-Sloan Atlas.

v0_1_2 has NMGY, from Sersic fits, with the Galactic extinction removed; its NMGY_IVAR has a floor
of 5, 2, 2, 2 and 3 per cent of the flux in ugriz, and the packaged networks learnt such errors.
v1_0_1 has ELPETRO_FLUX and SERSIC_FLUX as observed, with their measured errors, and ELPETRO_NMGY
and SERSIC_NMGY, which the survey corrected for extinction. Vectors are in the order FUV, NUV, u,
g, r, i, z everywhere; fluxes in nanomaggies, IVAR in their inverse square, EXTINCTION in
magnitudes. Source: Blanton et al. 2011, AJ 142, 31; the survey's data model
(http://nsatlas.org/data, and table nsatlas of SDSS DR13 and later).
"""

#: Bands of a vector, in its order.
NSA_BANDS = ("FUV", "NUV", "u", "g", "r", "i", "z")
#: Columns that each file must have, beside a flux, its IVAR and, where needed, EXTINCTION.
KEYS = ("NSAID", "RA", "DEC", "Z")
#: Columns that are read where a file has them.
EXTRAS = ("IAUNAME", "ZDIST", "ISDSS", "FIELD")
#: Fluxes of a v1_0_1 file by name: the column, and whether extinction is still in it.
FLUX_KINDS = {
    "elpetro": ("ELPETRO_FLUX", True),
    "sersic": ("SERSIC_FLUX", True),
    "elpetro_nmgy": ("ELPETRO_NMGY", False),
    "sersic_nmgy": ("SERSIC_NMGY", False),
}
#: The two words of 32 flag bits of the SDSS pipeline, in the order of preference.
FLAGS = (("FLAGS_R", "FLAGS2_R"), ("FLAGS", "FLAGS2"), ("OBJC_FLAGS", "OBJC_FLAGS2"))
