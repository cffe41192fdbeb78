"""Downloads from a server on this machine that breaks off, forgets, corrupts and refuses."""

import hashlib
import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from astropy.io import fits

from sedflow.atlas.downloads import cache_dir, download, verify
from sedflow.atlas.files import check_fits
from sedflow.errors import DownloadFailed

CONTENT = np.random.default_rng(1).bytes(300_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        server, manners = self.server, self.server.manners
        content = manners.get("content", CONTENT)
        server.asked.append(self.headers.get("Range"))
        answers = manners.get("status", [])
        if len(server.asked) <= len(answers):
            self.send_error(answers[len(server.asked) - 1])
            return
        etag = manners.get("etag", '"one"')
        start, span = 0, self.headers.get("Range")
        known = self.headers.get("If-Range") in (None, etag)
        if span and known and not manners.get("no_range"):
            start = int(span.removeprefix("bytes=").removesuffix("-"))
            if start >= len(content):
                self.send_error(416)
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(content) - start))
        if etag:
            self.send_header("ETag", etag)
        self.end_headers()
        breaks = manners.get("breaks_after", [])
        end = len(content)
        if len(server.asked) <= len(breaks):
            end = min(end, start + breaks[len(server.asked) - 1])
        self.wfile.write(content[start:end])
        if end < len(content):
            self.close_connection = True

    def log_message(self, *args):
        pass


@pytest.fixture
def serve():
    """A server with manners: call it with them; it returns the address and what it was asked."""
    running = []

    def start(name="file.bin", **manners):
        server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        server.manners, server.asked = manners, []
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        running.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}/data/{name}", server.asked

    yield start
    for server, thread in running:
        server.shutdown()
        server.server_close()
        thread.join()


def get(url, folder, **options):
    return download(url, folder, patience=0.001, **options)


def test_a_file_is_fetched_once_and_kept_with_its_receipt(serve, tmp_path):
    url, asked = serve()
    seen = []
    path = get(url, tmp_path, progress=lambda done, total: seen.append((done, total)))
    assert path.read_bytes() == CONTENT
    assert seen[-1] == (300_000, 300_000)
    assert get(url, tmp_path) == path
    assert len(asked) == 1
    receipt = json.loads((tmp_path / "file.bin.json").read_text())
    assert (receipt["sha256"], receipt["size"], receipt["etag"]) == (SHA256, 300_000, '"one"')
    assert verify(path) == SHA256
    assert sorted(p.name for p in tmp_path.iterdir() if p.name[0] != ".") == [
        "file.bin",
        "file.bin.json",
    ]


def test_a_broken_download_goes_on_where_it_was(serve, tmp_path):
    url, asked = serve(breaks_after=[100_000, 50_000])
    assert get(url, tmp_path, sha256=SHA256).read_bytes() == CONTENT
    assert asked == [None, "bytes=100000-", "bytes=150000-"]


def at_the_address(url, folder):
    """The beginning in the folder, as if it came from this address: a server has a new port."""
    about = folder / "file.bin.part.json"
    about.write_text(json.dumps(json.loads(about.read_text()) | {"url": url}))


def test_a_later_run_goes_on_too(serve, tmp_path):
    url, _ = serve(breaks_after=[100_000, *[0] * 7])
    with pytest.raises(DownloadFailed, match="100,000 bytes are kept"):
        get(url, tmp_path)
    url, asked = serve()
    at_the_address(url, tmp_path)
    assert get(url, tmp_path).read_bytes() == CONTENT
    assert asked == ["bytes=100000-"]


def test_a_file_that_changed_meanwhile_is_begun_anew(serve, tmp_path):
    url, _ = serve(breaks_after=[100_000, *[0] * 7], content=bytes(300_000), etag='"old"')
    with pytest.raises(DownloadFailed):
        get(url, tmp_path)
    url, asked = serve()
    at_the_address(url, tmp_path)
    assert get(url, tmp_path).read_bytes() == CONTENT
    assert asked == ["bytes=100000-"]


@pytest.mark.parametrize("manners", [{"no_range": True}, {"etag": ""}, {"etag": 'W/"weak"'}])
def test_a_server_that_cannot_go_on_sends_all_of_it_again(serve, tmp_path, manners):
    url, _ = serve(breaks_after=[100_000, 200_000], **manners)
    assert get(url, tmp_path).read_bytes() == CONTENT


def test_a_passing_failure_is_tried_again_and_a_missing_file_is_not(serve, tmp_path):
    url, asked = serve(status=[500, 503, 429])
    assert get(url, tmp_path).read_bytes() == CONTENT
    assert len(asked) == 4
    url, _ = serve("down.bin", status=[503] * 9)
    with pytest.raises(DownloadFailed, match=r"after 6 tries .the server answers 503"):
        get(url, tmp_path)
    url, asked = serve("gone.bin", status=[404] * 9)
    with pytest.raises(DownloadFailed, match="answers 404 Not Found; check the address"):
        get(url, tmp_path)
    assert len(asked) == 1


def test_no_server_is_one_sentence(tmp_path):
    with pytest.raises(DownloadFailed, match=r"could not be downloaded after 6 tries \(.*refused"):
        get("http://127.0.0.1:9/file.bin", tmp_path)
    with pytest.raises(DownloadFailed, match="names no file"):
        get("http://127.0.0.1:9/", tmp_path)


def test_wrong_bytes_are_refused_and_not_kept(serve, tmp_path):
    wrong = bytearray(CONTENT)
    wrong[200_000] ^= 1
    url, _ = serve(content=bytes(wrong))
    with pytest.raises(DownloadFailed, match="is not sound: its sha256 is"):
        get(url, tmp_path, sha256=SHA256)
    assert not [p for p in tmp_path.iterdir() if p.name[0] != "."]


def fits_bytes(tmp_path, checksum):
    path = tmp_path / "made.fits"
    table = fits.BinTableHDU.from_columns([fits.Column("X", "E", array=np.arange(5000.0))])
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(path, checksum=checksum)
    return path.read_bytes()


def test_a_fits_file_must_be_as_long_as_it_says_and_match_its_own_checksum(serve, tmp_path):
    whole = fits_bytes(tmp_path, checksum=True)
    url, _ = serve("whole.fits", content=whole)
    assert get(url, tmp_path, check=check_fits).read_bytes() == whole
    wrong = bytearray(whole)
    wrong[-9000] ^= 1
    for name, content, why in (
        ("short.fits", whole[:-5000], "cut short"),
        ("wrong.fits", bytes(wrong), "does not match its checksum"),
        ("page.fits", b"<html>Service moved</html>", "is not sound"),
        ("empty.fits", b"", "is not sound"),
    ):
        url, _ = serve(name, content=content)
        with pytest.raises(DownloadFailed, match=why):
            get(url, tmp_path, check=check_fits)
        assert not (tmp_path / name).exists()


def test_a_file_put_there_by_hand_is_taken_if_it_is_whole(serve, tmp_path):
    whole = fits_bytes(tmp_path, checksum=False)
    (tmp_path / "hand.fits").write_bytes(whole)
    url, asked = serve("hand.fits", content=whole)
    assert get(url, tmp_path, check=check_fits).read_bytes() == whole
    assert asked == []
    with pytest.raises(DownloadFailed, match="has no receipt"):
        verify(tmp_path / "hand.fits")
    (tmp_path / "hand.fits").write_bytes(whole[:4000])
    assert get(url, tmp_path, check=check_fits).read_bytes() == whole
    assert asked == [None]


def test_later_damage_is_found(serve, tmp_path):
    url, asked = serve()
    path = get(url, tmp_path)
    path.write_bytes(b"x" + CONTENT[1:])
    with pytest.raises(DownloadFailed, match="has changed since it was downloaded"):
        verify(path)
    for times, content in enumerate((b"x" + CONTENT[1:], CONTENT[:1000]), 2):
        path.write_bytes(content)
        assert get(url, tmp_path).read_bytes() == CONTENT
        assert len(asked) == times


def test_a_run_that_ended_just_before_the_renaming_is_finished(serve, tmp_path):
    (tmp_path / "file.bin.part").write_bytes(CONTENT)
    about = {"url": "", "tag": '"one"', "size": len(CONTENT)}
    (tmp_path / "file.bin.part.json").write_text(json.dumps(about))
    url, asked = serve()
    assert get(url, tmp_path, sha256=SHA256).read_bytes() == CONTENT
    assert asked == []


def test_a_full_or_forbidden_disk_is_one_sentence(serve, tmp_path, monkeypatch):
    url, _ = serve()
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DownloadFailed, match="choose another folder with SEDFLOW_CACHE"):
        get(url, tmp_path / "file" / "below")
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr("sedflow.atlas.downloads.shutil.disk_usage", lambda _: usage)
    with pytest.raises(DownloadFailed, match=r"needs 0\.00 GB more, but 0\.00 GB are free"):
        get(url, tmp_path)


def test_the_cache_is_where_one_says(monkeypatch, tmp_path):
    monkeypatch.setenv("SEDFLOW_CACHE", str(tmp_path))
    assert cache_dir() == tmp_path
    monkeypatch.delenv("SEDFLOW_CACHE")
    assert cache_dir().name == "sedflow"


@pytest.mark.slow
def test_processes_that_want_the_same_file_fetch_it_once(serve, tmp_path):
    url, asked = serve(breaks_after=[10_000, 10_000])
    code = (
        "import sys; from sedflow.atlas.downloads import download; "
        "download(sys.argv[1], sys.argv[2], sha256=sys.argv[3], patience=0.05)"
    )
    command = [sys.executable, "-c", code, url, str(tmp_path), SHA256]
    runs = [subprocess.Popen(command) for _ in range(4)]
    assert [run.wait(60) for run in runs] == [0] * 4
    assert asked == [None, "bytes=10000-", "bytes=20000-"]
    assert (tmp_path / "file.bin").read_bytes() == CONTENT


@pytest.mark.slow
def test_a_killed_download_leaves_nothing_that_passes_for_the_file(serve, tmp_path):
    """Killed again and again: the name appears with the whole file behind it, or not at all."""
    content = np.random.default_rng(2).bytes(60_000_000)
    url, asked = serve(content=content)
    code = "import sys; from sedflow.atlas.downloads import download; download(*sys.argv[1:3])"
    path, kills = tmp_path / "file.bin", 0
    while not path.exists():
        run = subprocess.Popen([sys.executable, "-c", code, url, str(tmp_path)])
        try:
            run.wait(0.12 + 0.02 * kills)
        except subprocess.TimeoutExpired:
            run.kill()
            run.wait()
            kills += 1
    assert get(url, tmp_path).read_bytes() == content
    assert kills > 0
    assert asked


def test_a_file_that_is_there_is_held_to_the_published_hash_and_the_address(serve, tmp_path):
    other = CONTENT[::-1]
    old, _ = serve(content=other, etag='"old"')
    url, asked = serve()
    get(old, tmp_path)
    assert get(url, tmp_path).read_bytes() == CONTENT  # same name, another address
    assert len(asked) == 1
    get(old, tmp_path)
    assert get(old, tmp_path).read_bytes() == other
    with pytest.raises(DownloadFailed, match="was published"):
        get(old, tmp_path, sha256=SHA256)
    assert get(url, tmp_path, sha256=SHA256).read_bytes() == CONTENT
    mirror = "http://127.0.0.1:9/mirror/file.bin"  # where nobody answers
    assert get(mirror, tmp_path, sha256=SHA256).read_bytes() == CONTENT
    (tmp_path / "file.bin.json").unlink()
    (tmp_path / "file.bin").write_bytes(other)  # put there by hand
    assert get(url, tmp_path, sha256=SHA256).read_bytes() == CONTENT


def test_the_beginning_of_another_address_is_not_gone_on_with(serve, tmp_path):
    old, _ = serve(content=CONTENT[::-1], breaks_after=[100_000, *[0] * 7])
    with pytest.raises(DownloadFailed):
        get(old, tmp_path)
    url, asked = serve()  # with the same ETag
    assert get(url, tmp_path).read_bytes() == CONTENT
    assert asked == [None]
