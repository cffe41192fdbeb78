"""Files that try to make a reader open another file or an address."""

import io
import socket
import threading

import pyarrow.parquet as pq

SECRET = "canary7391"


class Listener:
    """A server on this machine that counts who comes."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.socket.getsockname()[1]}"
        self.came = []
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.thread.start()

    def _listen(self):
        while True:
            try:
                connection, who = self.socket.accept()
            except OSError:
                return
            self.came.append(who)
            connection.close()

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)  # wakes who waits for it
        self.socket.close()
        self.thread.join()


HEAD = '<VOTABLE version="1.3"><RESOURCE><TABLE>'

FIELDS = '<FIELD name="id" datatype="char" arraysize="*"/><FIELD name="z" datatype="double"/>'

TAIL = "</TABLE></RESOURCE></VOTABLE>"

ROW = "<DATA><TABLEDATA><TR><TD>7</TD><TD>0.1</TD></TR></TABLEDATA></DATA>"


def votable(data, before="", fields=FIELDS):
    return f"<?xml version='1.0'?>{before}{HEAD}{fields}{data}{TAIL}"


def elsewhere(place):
    """Ways to say in a VOTable that the data are at an address."""
    return {
        "binary": votable(f'<DATA><BINARY><STREAM href="{place}"/></BINARY></DATA>'),
        "binary2": votable(f'<DATA><BINARY2><STREAM href="{place}"/></BINARY2></DATA>'),
        "fits": votable(f'<DATA><FITS extnum="1"><STREAM href="{place}"/></FITS></DATA>'),
        "fits without a stream": votable("<DATA><FITS/></DATA>"),
        "parquet": votable(
            f'<DATA><PARQUET type="VOTable-remote-file"><STREAM href="{place}"/></PARQUET></DATA>'
        ),
        "prefix": votable(f'<DATA><v:BINARY><v:STREAM x:href="{place}"/></v:BINARY></DATA>'),
        "case": votable(f'<DATA><binary><Stream HREF="{place}"/></binary></DATA>'),
        "encoded": votable(
            f'<DATA><BINARY><STREAM href="{place}" encoding="gzip"/></BINARY></DATA>'
        ),
        "characters": votable(
            '<DATA><BINARY><STREAM href="'
            + "".join(f"&#{ord(c)};" for c in place)
            + '"/></BINARY></DATA>'
        ),
        "twice": votable(
            '<DATA><BINARY><STREAM encoding="base64" x:encoding="gzip"/></BINARY></DATA>'
        ),
        "xinclude": votable(
            f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" parse="text" href="{place}"/>'
            + ROW
        ),
        "entity": votable(
            ROW.replace("7", "&x;"), f"<!DOCTYPE VOTABLE [<!ENTITY x SYSTEM '{place}'>]>"
        ),
        "parameter entity": votable(
            ROW, f"<!DOCTYPE VOTABLE [<!ENTITY % x SYSTEM '{place}'> %x;]>"
        ),
        "dtd": votable(ROW, f"<!DOCTYPE VOTABLE SYSTEM '{place}'>"),
        "inner entity": votable(ROW.replace("7", "&x;"), "<!DOCTYPE V [<!ENTITY x 'lol'>]>"),
    }


KINDS = sorted(elsewhere(""))


def places(listener, canary):
    return (
        f"http://{listener.address}/x",
        f"ftp://{listener.address}/x",
        f"HTTP://{listener.address}",
        f"file://{canary}",
        f"file:{canary}",
        f"file://{canary.parent}/canary.fits",
        str(canary),
        f"//{listener.address}/x",
        f"jar:file:{canary}!/x",
        "data:text/plain,7",
    )


def parquet(table, **options):
    out = io.BytesIO()
    pq.write_table(table, out, **options)
    return out.getvalue()


def fits_bytes(table):
    out = io.BytesIO()
    table.write(out, format="fits")
    return out.getvalue()
