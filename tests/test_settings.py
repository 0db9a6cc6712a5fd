"""What connect() is told: the layers, the forms of a DSN, and secrets that stay secret."""

import contextlib
from urllib.parse import quote

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebolt_like.errors import ConfigurationError
from firebolt_like.settings import DSN_FORMS, ENVIRONMENT, Settings, read_settings

CANARY = "Canary9secret"


def read(dsn=None, environ=None, **arguments):
    return read_settings(dsn, arguments, environ=environ or {})


def given_in(settings):
    """The settings that differ from their defaults, secrets in plain."""
    found = {name: getattr(settings, name) for name in settings.model_fields_set}
    return {
        name: value.get_secret_value() if isinstance(value, pydantic.SecretStr) else value
        for name, value in found.items()
    }


def fails(dsn=None, environ=None, **arguments):
    """The error, after a look that it shows no secret anywhere."""
    with pytest.raises(ConfigurationError) as caught:
        read(dsn, environ, **arguments)
    error = caught.value
    shown = f"{error!r} {error} {error.hint} {error.__cause__!r}"
    assert CANARY not in shown
    assert error.__cause__ is None
    return str(error)


# DSNs


@pytest.mark.parametrize(
    ("dsn", "settings"),
    [
        ("local:", {"local": ""}),
        ("local://", {"local": ""}),
        ("LOCAL:", {"local": ""}),
        ("local:///path/to/file", {"local": "/path/to/file"}),
        ("local:///a%20b%3F/%C3%BC", {"local": "/a b?/ü"}),
        ("local:relative.db", {"local": "relative.db"}),
        ("local:///f?database=d&timeout=5", {"local": "/f", "database": "d", "timeout": 5.0}),
        ("http://host:3473/database", {"url": "http://host:3473", "database": "database"}),
        ("https://host", {"url": "https://host"}),
        ("http://[::1]:3473/a%2Fb%20c", {"url": "http://[::1]:3473", "database": "a/b c"}),
        ("HTTP://host?autocommit=false", {"url": "http://host", "autocommit": False}),
        ("firebolt://host:123/d", {"host": "host:123", "database": "d"}),
        ("firebolt://host?ssl_mode=none", {"host": "host", "ssl_mode": "none"}),
        (
            "firebolt://id:s@d/e?account_name=x",
            {"client_id": "id", "client_secret": "s", "database": "d", "engine_name": "e",
             "account_name": "x"},
        ),
        ("firebolt://id:s@?account_name=x",
         {"client_id": "id", "client_secret": "s", "account_name": "x"}),
        ("firebolt://me%40x.org:p@d", {"username": "me@x.org", "password": "p", "database": "d"}),
        ("firebolt://me@x.org:p@d", {"username": "me@x.org", "password": "p", "database": "d"}),
        ("firebolt://id:a:b@d", {"client_id": "id", "client_secret": "a:b", "database": "d"}),
        ("firebolt://id:s@d%2Fx/e%20y", {"client_id": "id", "client_secret": "s", "database": "d/x",
                                         "engine_name": "e y"}),
        ("firebolt://id:s@d?api_endpoint=http%3A%2F%2Fa.test%3A1&disable_cache=1",
         {"client_id": "id", "client_secret": "s", "database": "d",
          "api_endpoint": "http://a.test:1", "disable_cache": True}),
    ],
)  # fmt: skip
def test_each_form_of_a_dsn_is_read(dsn, settings):
    """A DSN says what it reaches, with whom, and any option of connect()."""
    assert given_in(read(dsn)) == settings


def test_every_form_that_is_offered_is_read():
    """The list that an error shows is one of forms that work."""
    for form in DSN_FORMS:
        read(form.replace("port", "3473"))


_names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


def _quoted(text):
    return quote(text, safe="")


@given(_names.filter(lambda name: "@" not in name), _names, _names, _names)
def test_any_credentials_can_be_written_in_a_dsn(client_id, secret, database, engine):
    """Percent-encoded, names and secrets may hold any characters."""
    dsn = f"firebolt://{_quoted(client_id)}:{_quoted(secret)}@{_quoted(database)}/{_quoted(engine)}"
    assert given_in(read(dsn)) == {
        "client_id": client_id,
        "client_secret": secret,
        "database": database,
        "engine_name": engine,
    }


@pytest.mark.parametrize(
    ("dsn", "told"),
    [
        ("postgres://u:Canary9secret@h/d", "'postgres'"),
        ("Canary9secret", "not known"),
        ("my Canary9secret: x", "not known"),
        (f"{'Canary9secret' * 5}:x", "not known"),
        ("firebolt://id:Canary9secret@d?enginename=e", "'enginename'"),
        ("http://host?auth=x", "'auth'"),
        ("http://host?url=http://other", "'url'"),
        ("local:?host=x", "'host'"),
        ("firebolt://id:Canary9secret@d?local=", "'local'"),
        ("http://host:port/d", "port"),
        ("http://host:99999/d", "port"),
        ("firebolt://host:port/d", "port"),
        ("http://[::1/d", "host"),
        ("http://", "no server"),
        ("http:///d", "no server"),
        ("firebolt:", "no server"),
        ("firebolt:///d", "no server"),
        ("http://u:Canary9secret@host", "auth="),
        ("firebolt://id:1/Canary9secret@d", "%2F"),
        ("firebolt://id:1?Canary9secret@d", "%3F"),
        ("firebolt://id:1#Canary9secret@d", "%23"),
        ("firebolt://id:Canary9secret@d/e#x", "%23"),
        ("firebolt://id:Canary9secret/x@d/e", "port"),
        ("firebolt://id:Canary9secret@d?timeout=soon", "timeout"),
        ("firebolt://id:Canary9secret@d?timeout=-1", "timeout"),
        ("firebolt://id:Canary9secret@d?autocommit=maybe", "autocommit"),
    ],
)
def test_a_dsn_that_cannot_be_read_is_a_clear_error(dsn, told):
    """The message names the part that is wrong, and repeats no secret."""
    assert told in fails(dsn)


@pytest.mark.parametrize("dsn", [("user", "Canary9secret"), b"local:", 3])
def test_what_is_no_text_is_no_dsn(dsn):
    """Credentials that stand where the DSN belongs are an error that says where they go."""
    assert type(dsn).__name__ in fails(dsn)


def test_an_unknown_dsn_lists_the_known_ones():
    """Who guesses a scheme sees all forms."""
    message = fails("mysql://host")
    assert all(form in message for form in DSN_FORMS)


@given(st.text())
def test_no_dsn_breaks_the_reading(text):
    """Any text is read, or is an error of ours."""
    for dsn in (text, f"firebolt://{text}", f"http://{text}", f"local:{text}"):
        with contextlib.suppress(ConfigurationError):
            read(dsn)


# Layers


@pytest.fixture
def profiles(tmp_path):
    """Write a profile file."""

    def write(text):
        file = tmp_path / "profiles.toml"
        file.write_text(text, encoding="utf-8")
        return file

    return write


def test_the_higher_layer_wins(profiles):
    """Argument, DSN, environment, profile, default: the first that has a setting gives it."""
    file = profiles('[p]\naccount_name = "p"\ndatabase = "p"\nengine_name = "p"\ntimeout = 7\n')
    environ = {"FIREBOLT_ACCOUNT": "e", "FIREBOLT_DATABASE": "e", "FIREBOLT_ENGINE": "e"}
    dsn = "firebolt://id:s@d/d"
    arguments = {"database": "a"}

    def layered(dsn, arguments, environ):
        found = read_settings(dsn, arguments, environ=environ, profile="p", profile_file=file)
        return found.database, found.engine_name, found.account_name, found.timeout

    assert layered(dsn, arguments, environ) == ("a", "d", "e", 7)
    assert layered(dsn, {}, environ) == ("d", "d", "e", 7)
    assert layered(None, {}, environ) == ("e", "e", "e", 7)
    assert layered(None, {}, {}) == ("p", "p", "p", 7)
    assert read("firebolt://id:s@d").api_endpoint == "api.app.firebolt.io"


@pytest.mark.parametrize("variable", ENVIRONMENT)
def test_each_variable_is_read(variable):
    """Every name that the sisters of this package read gives its setting."""
    setting = ENVIRONMENT[variable]
    value = "1" if setting == "disable_cache" else "given"
    found = given_in(read(None, {variable: value}))
    assert found.pop("local", "") == ""
    assert found == {setting: True if setting == "disable_cache" else "given"}


def test_of_two_variables_for_one_setting_the_first_wins():
    """The table's order decides, not the environment's; an empty variable is not set."""
    environ = {"FIREBOLT_DB": "b", "FIREBOLT_DATABASE": "a"}
    assert read(None, environ).database == "a"
    assert read(None, {**environ, "FIREBOLT_DATABASE": ""}).database == "b"


def test_nothing_given_is_the_embedded_engine():
    """Without a place, an account and credentials, a connection is local."""
    assert given_in(read()) == {"local": ""}
    assert read(timeout=3).local == ""
    assert read(account_name="x").local is None
    assert read(None, {"FIREBOLT_CLIENT_ID": "x"}).local is None


def test_an_argument_that_is_none_is_not_given():
    """connect() hands all its keywords on."""
    assert read("http://host/d", database=None, timeout=None).database == "d"


ACCOUNT_ENVIRON = {
    "FIREBOLT_CLIENT_ID": "id",
    "FIREBOLT_CLIENT_SECRET": CANARY,
    "FIREBOLT_ACCOUNT": "acme",
    "FIREBOLT_ENGINE": "e",
    "FIREBOLT_DATABASE": "d",
    "FIREBOLT_API_ENDPOINT": "api.test",
}


@pytest.mark.parametrize(
    ("dsn", "arguments"),
    [
        ("local:", {}),
        ("http://host", {}),
        ("firebolt://host", {}),
        ("grpc://host:1", {}),
        ("grpc+unix:///path", {}),
        (None, {"url": "http://host"}),
        (None, {"host": "host"}),
    ],
)
def test_a_place_hides_the_account_of_lower_layers(dsn, arguments):
    """Account, database and credentials of the environment do not go to another server."""
    found = given_in(read(dsn, ACCOUNT_ENVIRON, **arguments))
    assert len(found) == 1
    assert CANARY not in str(found)


def test_a_dsn_of_flight_keeps_what_is_for_its_server():
    """Credentials and settings are read; other options and the path stay, for the client."""
    dsn = "grpc+tls://ada:s%40@host:1/db?timeout=3&tag=a%26b&tls_root_certs=/x.pem"
    found = given_in(read(dsn))
    assert found == {
        "flight": "grpc+tls://host:1/db?tag=a%26b&tls_root_certs=%2Fx.pem",
        "username": "ada",
        "password": "s@",
        "timeout": 3,
    }
    assert read("grpc://host?token=t").token.get_secret_value() == "t"


def test_an_account_hides_the_place_of_lower_layers(profiles):
    """A profile for the embedded engine does not catch a connection to an account."""
    file = profiles('[dev]\nlocal = "/tmp/x"\ntimeout = 3\n')
    found = read_settings(
        None, {"account_name": "acme"}, environ={}, profile="dev", profile_file=file
    )
    assert (found.local, found.account_name, found.timeout) == (None, "acme", 3)


@pytest.mark.parametrize(
    ("dsn", "arguments", "settings"),
    [
        ("local:", {"database": "x"}, {"local": "", "database": "x"}),
        ("http://h:1/a", {"database": "x"}, {"url": "http://h:1", "database": "x"}),
        (
            "firebolt://h/a",
            {"engine_name": "x"},
            {"host": "h", "database": "a", "engine_name": "x"},
        ),
        ("http://h:1/a", {"url": "http://i:2"}, {"url": "http://i:2", "database": "a"}),
        ("local:", {"account_name": "x"}, {"local": "", "account_name": "x"}),
    ],
)
def test_arguments_and_dsn_are_one_saying(dsn, arguments, settings):
    """An argument beside a DSN replaces that one setting, and does not hide where it leads."""
    assert given_in(read(dsn, **arguments)) == settings


def test_credentials_of_one_layer_are_not_mixed_with_those_of_another():
    """A token given by hand is not joined by an id of the environment."""
    environ = {"FIREBOLT_CLIENT_ID": "id", "FIREBOLT_CLIENT_SECRET": CANARY}
    assert given_in(read(None, environ, token="t")) == {"token": "t"}
    assert given_in(read(None, environ, auth=("u", "p"))) == {"auth": ("u", "p")}
    assert given_in(read(None, environ, client_id="mine")) == {"client_id": "mine"}
    found = given_in(read(None, environ, account_name="x"))
    assert found["client_secret"] == CANARY


def test_credentials_of_a_dsn_give_way_to_arguments():
    """Another login replaces the DSN's; half of a login joins the DSN's other half."""
    found = given_in(read("firebolt://id:s@d", username="u", password="p"))
    assert found == {"username": "u", "password": "p", "database": "d"}
    found = given_in(read("firebolt://id@d", client_secret="s"))
    assert found == {"client_id": "id", "client_secret": "s", "database": "d"}
    assert given_in(read("firebolt://id:s@d", auth="mine")) == {"auth": "mine", "database": "d"}


# Profiles


def test_a_profile_may_hold_a_dsn(profiles):
    """Settings beside the DSN win over it; the environment may name the profile."""
    file = profiles('[p]\ndsn = "firebolt://id:s@d/e"\nengine_name = "other"\n')
    environ = {"FIREBOLT_PROFILE": "p"}
    found = given_in(read_settings(None, {}, environ=environ, profile_file=file))
    assert found == {
        "client_id": "id", "client_secret": "s", "database": "d", "engine_name": "other",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "[p]"),
        ("p = 1", "[p]"),
        (f'[p\nsecret = "{CANARY}"', "not TOML"),
        (f'[p]\nclient_sekret = "{CANARY}"', "client_sekret"),
        (f'[p]\npassword = ["{CANARY}"]', "password"),
        (f'[p]\ndsn = "x://{CANARY}"', "'x'"),
        ("[p]\ntimeout = 0", "timeout"),
    ],
)
def test_a_profile_that_cannot_be_used_is_a_clear_error(profiles, text, told):
    """The message names the file or the setting, and shows no secret."""
    with pytest.raises(ConfigurationError) as caught:
        read_settings(None, {}, environ={}, profile="p", profile_file=profiles(text))
    assert told in str(caught.value)
    assert CANARY not in f"{caught.value} {caught.value.__cause__!r}"


def test_a_profile_file_that_cannot_be_read_is_named(tmp_path):
    """A file that is missing or is not text is told by its path."""
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"[p]\nx = '\xff'")
    for file in (tmp_path / "missing.toml", binary):
        with pytest.raises(ConfigurationError, match=file.name):
            read_settings(None, {}, environ={}, profile="p", profile_file=file)


def test_without_a_profile_no_file_is_read(tmp_path):
    """Who uses no profiles needs no file."""
    assert read_settings(None, {}, environ={}, profile_file=tmp_path / "no").local == ""


# Secrets and mistakes


def test_no_secret_is_shown():
    """The settings can be logged."""
    auth = ("user", CANARY)
    found = read("firebolt://id:s@d", password=CANARY, token=CANARY, client_secret=CANARY)
    assert CANARY not in f"{found!r} {found} {found.model_dump()}"
    assert CANARY not in f"{read(auth=auth)!r} {read(auth=auth)}"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"no_such": CANARY}, "no_such"),
        ({"timeout": CANARY}, "timeout"),
        ({"timeout": 0}, "timeout"),
        ({"autocommit": CANARY}, "autocommit"),
        ({"password": [CANARY]}, "password"),
        ({"database": 5}, "database"),
        ({"url": f"http://u:{CANARY}@host"}, "url"),
        ({"host": f"u:{CANARY}@host"}, "host"),
        ({"api_endpoint": f"https://u:{CANARY}@host"}, "api_endpoint"),
        ({"engine_url": f"u:{CANARY}@host"}, "engine_url"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(arguments, told):
    """The message has the setting's name and never its value."""
    assert told in fails(**arguments)


def test_a_wrong_variable_is_told_by_its_setting():
    """Values of the environment are checked as arguments are."""
    assert "disable_cache" in fails(None, {"FIREBOLT_SDK_DISABLE_CACHE": CANARY})


def test_settings_are_frozen():
    """What a connection was made from does not change under it, and shows no secret."""
    settings = read("local:")
    with pytest.raises(pydantic.ValidationError):
        settings.database = "x"
    with pytest.raises(pydantic.ValidationError) as caught:
        Settings(password=[CANARY])
    assert CANARY not in str(caught.value)
