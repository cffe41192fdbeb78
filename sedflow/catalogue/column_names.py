"""Names that columns of catalogues have: of IDs and redshifts, of fluxes and their errors."""

#: Names of columns, in small letters, that hold IDs.
ID_NAMES = (
    "id",
    "nsaid",
    "objid",
    "object_id",
    "objectid",
    "targetid",
    "source_id",
    "galaxy_id",
    "galid",
    "specobjid",
    "bestobjid",
    "photoobjid",
    "cataid",
    "obj",
    "iauname",
    "name",
    "galaxy",
)
#: Those that may hold names of galaxies, and so IDs, or what many rows have in common.
GALAXY_NAMES = (
    "name",
    "object",
    "object_name",
    "objname",
    "galaxy",
    "galaxy_name",
    "designation",
    "source",
    "source_name",
    "target",
    "target_name",
)
#: Those that hold redshifts, the spectroscopic ones first.
REDSHIFTS = (
    "redshift",
    "zspec",
    "z_spec",
    "specz",
    "zred",
    "z_best",
    "zbest",
    "z_helio",
    "z_cmb",
    "zsp",
    "z_sp",
    "z",
    "zphot",
    "z_phot",
    "photoz",
    "photo_z",
    "zph",
    "z_peak",
    "z_phot_median",
    "zdist",
)
#: A band's letter alone.
BARE = "{b}"
#: Names of the magnitude in z beside a column z of redshifts.
OF_Z = ("zmag", "z_mag", "mag_z", "magz")
#: Names of the one-sigma error of a value {v} that anybody may give it, whatever a survey does.
OF_VALUE = (*("{v}_err", "{v}_error", "{v}err", "e_{v}", "err_{v}", "sigma_{v}", "{v}_sigma"),)
#: What stands for {p} below: the kind of magnitude or flux.
PREFIXES = ("", "model", "cmodel", "petro", "auto", "elpetro", "sersic")
#: Names of errors that name a band, and not a flux or a magnitude: z_err may be that of a redshift.
LOOSE = (
    *("{b}_err", "err_{b}", "{b}_error", "e_{b}", "sigma_{b}"),
    *("ivar_{b}", "{b}_ivar", "var_{b}", "{b}_var", "relerr_{b}", "snr_{b}"),
)
#: Names of value and error for band {b}, compared without case; then unit and kind of the error.
PATTERNS = (
    ("nmgy_{b}", ("nmgy_ivar_{b}",), "nanomaggies", "ivar"),
    ("nmgy_{b}", ("nmgy_err_{b}", "nmgyerr_{b}", "nmgy_{b}_err"), "nanomaggies", "sigma"),
    ("{p}flux_{b}", ("{p}flux_ivar_{b}", "{p}fluxivar_{b}", "ivar_{b}"), "", "ivar"),
    (
        "{p}flux_{b}",
        (
            "{p}flux_err_{b}",
            "{p}fluxerr_{b}",
            "{p}flux_error_{b}",
            "{p}flux_{b}_err",
            "{p}flux_{b}_error",
            "e_{p}flux_{b}",
            "err_{p}flux_{b}",
            "sigma_{b}",
            "flux_sigma_{b}",
        ),
        "",
        "sigma",
    ),
    (
        "{p}flux_{b}",
        ("{p}flux_var_{b}", "{p}fluxvar_{b}", "var_{b}", "{p}flux_{b}_var"),
        "",
        "variance",
    ),
    ("{p}flux_{b}", ("{p}flux_relerr_{b}", "relerr_{b}", "{p}flux_{b}_relerr"), "", "relative"),
    ("{p}flux_{b}", ("snr_{b}", "{p}flux_snr_{b}"), "", "snr"),
    ("f_{b}", ("e_{b}", "ef_{b}", "err_{b}", "f_{b}_err", "f_err_{b}", "e_f_{b}"), "", "sigma"),
    ("{b}_flux", ("{b}_flux_ivar", "{b}_ivar"), "", "ivar"),
    ("{b}_flux", ("{b}_flux_var", "{b}_var"), "", "variance"),
    ("{b}_flux", ("{b}_flux_err", "{b}_fluxerr", "{b}_flux_error", "{b}_err"), "", "sigma"),
    (
        "{p}mag_{b}",
        (
            "{p}magerr_{b}",
            "{p}mag_err_{b}",
            "{p}mag_{b}_err",
            "{p}mag_error_{b}",
            "err_{p}mag_{b}",
            "e_{p}mag_{b}",
            "err_{b}",
            "{p}mag_{b}_e",
        ),
        "mag",
        "sigma",
    ),
    ("{b}_mag", ("{b}_magerr", "{b}_mag_err", "{b}_mag_error", "e_{b}_mag"), "mag", "sigma"),
    ("{b}_mag", ("{b}_err", "err_{b}", "{b}_error"), "mag", "sigma"),
    ("{b}mag", ("e_{b}mag", "{b}magerr", "{b}mag_err"), "mag", "sigma"),
    ("{b}", ("magerr_{b}", "{b}_magerr"), "mag", "sigma"),
    ("{b}", ("ivar_{b}", "{b}_ivar"), "", "ivar"),
    ("{b}", ("var_{b}", "{b}_var", "{b}_variance"), "", "variance"),
    (
        "{b}",
        ("{b}_err", "err_{b}", "{b}_error", "e_{b}", "sigma_{b}", "{b}_sigma", "{b}err"),
        "",
        "sigma",
    ),
)
#: Names of lower and upper errors beside those of a value {v}.
PAIRS = (
    ("{v}_err_lo", "{v}_err_hi"),
    ("{v}_err_low", "{v}_err_high"),
    ("{v}_err_lower", "{v}_err_upper"),
    ("{v}_errlo", "{v}_errhi"),
    ("{v}_errm", "{v}_errp"),
    ("{v}_err_minus", "{v}_err_plus"),
    ("{v}_errminus", "{v}_errplus"),
    ("{v}_eminus", "{v}_eplus"),
    ("{v}_err1", "{v}_err2"),
    ("{v}_lerr", "{v}_uerr"),
    ("{v}_loerr", "{v}_uperr"),
)
#: Names of a column that says which values {v} are upper limits.
LIMITS = ("l_{v}", "{v}_limit", "{v}_uplim", "uplim_{b}", "{v}_upper_limit", "{v}_ul")
