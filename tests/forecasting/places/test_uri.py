"""What of a URI may be shown, stored and hashed, and what a sentence may quote."""

import time

import pytest

from forecasting.errors import DataError
from forecasting.places.uri import is_cut, is_uri, located, redacted, scrubbed, without_secrets


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("s3://key:secret@bucket/x.csv?endpoint_override=h:1#part", "s3://bucket/x.csv"),
        ("s3://user@bucket/x", "s3://bucket/x"),
        ("s3://key:se/cr+et@bucket/x", "s3://bucket/x"),
        ("s3://key:s@cr/et@bucket/x", "s3://bucket/x"),
        ("s3://key:nothing-after-it", "s3://***"),
        ("s3://key:se?cret@bucket/x", "s3://***"),
        ("https://account.blob.core.windows.net/x?sig=abc", "https://account.blob.core.windows.net/x"),
        ("s3://bucket/x;secret_key=abc/y", "s3://bucket/x;secret_key=***"),
        ("s3:/key:secret@bucket/x", "s3://bucket/x"),
        ("s3:///key:secret@bucket/x", "s3://bucket/x"),
        ("key:secret@bucket/x", "***@bucket/x"),
        ("bucket/x?token=abc", "bucket/x?token=***"),
    ],
)
def test_secrets_are_cut_and_a_key_changes_no_identity(uri, shown):
    assert without_secrets(uri) == shown
    assert redacted({"a": [uri, 1, None]}, mark="") == {"a": [shown, 1, None]}
    stored = redacted(uri)
    assert stored == f"{shown}?***"
    assert redacted(stored) == stored
    assert redacted(stored, mark="") == shown
    assert is_cut(stored) == is_uri(shown)


@pytest.mark.parametrize(
    "address",
    [
        "data/flows.csv",
        "/data/a:b@c/flows.csv",
        "~/x",
        "C:/data/x.csv",
        "",
        "EUR",
        "a:b@c",
        "s3://bucket/x.csv",
        "s3://bucket:9000/folder@2x/x.csv",
        "s3://[::1]:9000/x",
        "file:///data/x.csv",
        "gs://bucket",
        "month=1/token=2/part.csv",
    ],
)
def test_what_holds_no_secret_stays_as_it_is(address):
    assert without_secrets(address) == redacted(address) == address
    assert not is_cut(address)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("cannot parse 's3://k:se/c@b/x.csv' at '/'", "cannot parse 's3://b/x.csv' at '/'"),
        ("--set data.events=s3://k:two words@b/x: bad", "--set data.events=s3://b/x: bad"),
        ("(given: 's3://k:it's@b/x')", "(given: 's3://b/x')"),
        ("s3://k:s@b/x and gs://b/y?sig=1, too", "s3://b/x and gs://b/y, too"),
        ("k:s@b/x: no such file", "***@b/x: no such file"),
        ("secret_key=abc&region=eu, X-Amz-Signature=12", "secret_key=***&region=eu, X-Amz-Signature=***"),
    ],
)
def test_a_sentence_quotes_no_secret(text, shown):
    assert scrubbed(text) == shown
    assert str(DataError(text)) == shown


@pytest.mark.parametrize(
    "text",
    [
        "data.csv:12: 'x' is no number: write 12:30 or 1.5",
        "--set windows.n_windows=3: write it as key=value",
        "s3://bucket/run cannot be read: check the path",
        "runs/x/run.json: status: is missing; add it",
        "",
    ],
)
def test_an_ordinary_sentence_stays_as_it_is(text):
    assert scrubbed(text) == text


def test_fields_of_an_error_are_clean_too():
    error = DataError(where="s3://k:s@b/x", what="token=abc", remedy="check gs://b/x?sig=1")
    assert (error.where, error.what, error.remedy) == ("s3://b/x", "token=***", "check gs://b/x")
    assert str(error) == "s3://b/x: token=***: check gs://b/x"


def test_secrets_of_an_opened_uri_are_known_in_any_text(tmp_path):
    """As they are written, and as they are meant."""
    _, path = located(f"file://{tmp_path}/x?token=letters%2Band/more&scheme=http#lastpart")
    assert path == f"{tmp_path}/x"
    assert scrubbed("it says letters+and/more, letters%2Band/more, lastpart, http") == "it says ***, ***, ***, http"


def test_what_pyarrow_says_of_a_uri_is_clean():
    with pytest.raises(ValueError, match=r"Cannot parse URI: 's3://bucket/x'") as caught:
        located("s3://someone:open sesame@bucket/x")
    assert "sesame" not in str(caught.value)


@pytest.mark.parametrize("text", ["a" * 10**6, "a:" * 10**5, "a://" * 10**5, "s3://x:y " * 10**5, "k=" * 10**5])
def test_long_texts_take_no_long_time(text):
    started = time.process_time()
    scrubbed(text)
    assert time.process_time() - started < 5
