"""How requests reach the network: TLS, proxies, keepalive, and nothing before the first request."""

import base64
import contextlib
import logging
import socket
import ssl
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
import trustme

from firebolt_like.client.auth import Token, UsernamePassword
from firebolt_like.client.transport import TransportSettings, environment_proxy, tls_context
from firebolt_like.errors import AuthenticationError, ConfigurationError, ServerConnectionError


def hello(method, path, headers, body):
    return 200, {}, b"hello"


def get(face, url, **keywords):
    async def scenario():
        async with face.client(**keywords) as client:
            return (await client.get(url)).text

    return face.run(scenario)


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def authority_file(authority, tmp_path):
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return str(path)


def serve_tls(serve, context):
    def wrap(server_socket):
        return context.wrap_socket(server_socket, server_side=True, do_handshake_on_connect=False)

    return serve(hello, wrap)


@contextlib.contextmanager
def certificate_refused():
    with pytest.raises(httpx.ConnectError) as caught:
        yield
    causes = [caught.value]
    while cause := causes[-1].__cause__ or causes[-1].__context__:
        causes.append(cause)
    assert any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes)


@pytest.fixture
def tls_server(serve, authority):
    """A server that shows a certificate of an authority which the system does not know."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    server = serve_tls(serve, context)
    return f"https://127.0.0.1:{server.port}"


def test_an_unknown_authority_is_refused(face, tls_server):
    """TLS is verified: a certificate that nobody vouches for ends the connection."""
    with certificate_refused():
        get(face, tls_server)


def test_a_wrong_name_is_refused(face, serve, authority, authority_file):
    """TLS is verified: a certificate for another name ends the connection."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("other.example.com").configure_cert(context)
    server = serve_tls(serve, context)
    with certificate_refused():
        get(face, f"https://127.0.0.1:{server.port}", verify=authority_file)


def test_a_login_over_tls_that_is_refused_is_ours(face, tls_server):
    """A login that TLS refuses is a connection error of ours that names the certificate."""
    auth = UsernamePassword("me", "secret", use_token_cache=False)
    with pytest.raises(ServerConnectionError, match="CERTIFICATE_VERIFY_FAILED"):
        get(face, "/data", auth=auth, api_endpoint=tls_server)


def test_ssl_cert_file_names_the_authorities(face, tls_server, authority_file, monkeypatch):
    """`SSL_CERT_FILE` is obeyed, and a context of the user's own is stronger."""
    monkeypatch.setenv("SSL_CERT_FILE", authority_file)
    assert get(face, tls_server) == "hello"
    with certificate_refused():
        get(face, tls_server, verify=ssl.create_default_context(cadata=_OTHER))


_OTHER = trustme.CA().cert_pem.bytes().decode()


def test_verify_may_be_a_file_a_context_or_off(face, tls_server, authority, authority_file):
    """`verify=` takes what httpx takes."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    for verify in (authority_file, context, False):
        assert get(face, tls_server, verify=verify) == "hello"


def test_client_certificates(face, serve, authority, authority_file, tmp_path):
    """`cert=` shows a client certificate, as a file or as two."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_REQUIRED
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(context)
    server = serve_tls(serve, context)
    url = f"https://127.0.0.1:{server.port}"
    mine = authority.issue_cert("me@example.com")
    both, key, chain = tmp_path / "both.pem", tmp_path / "key.pem", tmp_path / "chain.pem"
    mine.private_key_and_cert_chain_pem.write_to_path(both)
    mine.private_key_pem.write_to_path(key)
    mine.cert_chain_pems[0].write_to_path(chain)
    for cert in (str(both), (str(chain), str(key))):
        assert get(face, url, verify=authority_file, cert=cert) == "hello"
    with pytest.raises(httpx.TransportError):
        get(face, url, verify=authority_file)


def test_one_tls_context_for_all(monkeypatch, authority_file):
    """The usual context is made once, also by threads at once; special ones are not shared."""
    with ThreadPoolExecutor(8) as threads:
        usual = list(threads.map(lambda _: tls_context(TransportSettings()), range(16)))
    assert len(set(map(id, usual))) == 1
    assert usual[0].verify_mode is ssl.CERT_REQUIRED
    assert tls_context(TransportSettings(http2=True)) is not usual[0]
    assert tls_context(TransportSettings(verify=False)) is not usual[0]
    monkeypatch.setenv("SSL_CERT_FILE", authority_file)
    assert tls_context(TransportSettings()) is not usual[0]
    assert tls_context(TransportSettings(trust_env=False)) is usual[0]


def test_http_makes_no_trust_store_and_clients_make_nothing():
    """Making clients loads neither sockets nor TLS; requests over http load no trust store."""
    code = """
        import http.server, sys, threading
        from firebolt_like.client.client import AsyncClient, Client
        client, _ = Client(trust_env=False), AsyncClient()
        print("httpcore" in sys.modules, "truststore" in sys.modules)
        server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
        threading.Thread(target=server.handle_request).start()
        client.get(f"http://127.0.0.1:{server.server_port}/nothing")
        print("httpcore" in sys.modules, "truststore" in sys.modules)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert done.stdout.split() == ["False", "False", "True", "False"]


def test_keepalive_is_on(face, serve):
    """Connections probe a silent peer after a minute, so that no load balancer drops them."""
    server = serve(hello)

    async def scenario():
        async with face.client() as client:
            answer = await client.get(server.url)
            connection = answer.extensions["network_stream"].get_extra_info("socket")
            return [
                connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE),
                connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE),
                connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY),
            ]

    assert face.run(scenario) == [1, 60, 1]


def test_connections_are_kept_and_closed(face, serve):
    """Requests share a connection, and closing the client closes it."""
    server = serve(hello)

    async def scenario():
        async with face.client() as client:
            streams = [
                (await client.get(server.url)).extensions["network_stream"] for _ in range(3)
            ]
            connections = [stream.get_extra_info("socket") for stream in streams]
            assert len({connection.fileno() for connection in connections}) == 1
        return connections[0].fileno()

    assert face.run(scenario) == -1


def test_limits_are_obeyed(face, serve):
    """`limits=` reaches the pool: without kept connections each request has its own."""
    server = serve(hello)

    async def scenario():
        async with face.client(limits=httpx.Limits(max_keepalive_connections=0)) as client:
            answer = await client.get(server.url)
            stream = answer.extensions["network_stream"]
            return stream.get_extra_info("socket").fileno()

    assert face.run(scenario) == -1


@pytest.fixture
def proxy(serve):
    """A proxy for http that answers itself, and says who asked."""

    def answer(method, path, headers, body):
        return 200, {}, f"proxied {path} {headers.get('Proxy-Authorization')}".encode()

    return serve(answer)


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_proxies_of_the_environment_are_used(face, proxy, monkeypatch, variable):
    """Proxies that the environment names are used, with their credentials."""
    monkeypatch.setenv(variable, f"http://me:pw@127.0.0.1:{proxy.port}")
    basic = base64.b64encode(b"me:pw").decode()
    answer = get(face, "http://api.example.com/data")
    assert answer == f"proxied http://api.example.com/data Basic {basic}"


def test_no_proxy_is_obeyed(face, proxy, serve, monkeypatch):
    """Hosts in `NO_PROXY` are reached directly, and `trust_env=False` reads no environment."""
    server = serve(hello)
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    assert get(face, server.url).startswith("proxied")
    assert get(face, server.url, trust_env=False) == "hello"
    monkeypatch.setenv("NO_PROXY", "example.com,127.0.0.1")
    assert get(face, server.url) == "hello"
    assert get(face, "http://api.example.com.org/").startswith("proxied")


def test_a_given_proxy_is_used(face, proxy, monkeypatch):
    """`proxy=` takes the place of the environment, as text, URL or object."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    for given in (proxy.url, httpx.URL(proxy.url), httpx.Proxy(proxy.url, auth=("me", "pw"))):
        assert get(face, "http://api.example.com/", proxy=given).startswith("proxied")


def test_https_goes_through_a_tunnel(face, serve, monkeypatch):
    """For https a proxy is asked to connect, and sees neither path nor headers."""
    heads = []

    def refuse(method, path, headers, body):
        heads.append((method, path))
        return 403, {}, b""

    server = serve(refuse)
    monkeypatch.setenv("HTTPS_PROXY", server.url)
    with pytest.raises(httpx.ProxyError):
        get(face, "https://api.example.com/secret/path")
    assert heads == [("CONNECT", "api.example.com:443")]


@pytest.mark.parametrize("address", ["ftp://me:hush@x", "http://me:hush@x:port"])
def test_a_proxy_that_is_none_is_told_without_its_password(face, address):
    """A proxy address that cannot be meant is a clear error."""
    with pytest.raises(ConfigurationError, match=r"proxy for http://api.example.com") as caught:
        get(face, "http://api.example.com/", proxy=address)
    assert "hush" not in str(caught.value)


def test_environment_proxies_by_scheme_and_port(monkeypatch):
    """Each scheme has its proxy, ALL_PROXY serves the rest, and NO_PROXY may name a port."""
    monkeypatch.setenv("HTTPS_PROXY", "one:1")
    monkeypatch.setenv("ALL_PROXY", "socks5://two:2")
    monkeypatch.setenv("NO_PROXY", "here.org:8443")
    for url, proxy in {
        "https://api.example.com": "http://one:1",
        "http://api.example.com": "socks5://two:2",
        "https://here.org:8443": None,
        "https://here.org": "http://one:1",
    }.items():
        assert environment_proxy(httpx.URL(url)) == proxy


def test_mounts_are_httpxs(face, warehouse, serve):
    """`mounts=` gives an origin a transport of its own."""
    warehouse.answers["/"] = lambda _: httpx.Response(200, text="mounted")
    server = serve(hello)

    async def scenario():
        async with face.client(mounts={"all://mounted.example.com": warehouse}) as client:
            assert (await client.get("https://mounted.example.com/")).text == "mounted"
            assert (await client.get(server.url)).text == "hello"

    face.run(scenario)


def test_http2_is_offered_where_asked_for(face, authority, authority_file, serve):
    """`http2=True` offers h2 to the server, which no other client does."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["h2", "http/1.1"])
    authority.issue_cert("127.0.0.1").configure_cert(context)
    server = serve_tls(serve, context)
    url = f"https://127.0.0.1:{server.port}"
    assert get(face, url, verify=authority_file) == "hello"
    with pytest.raises(httpx.RemoteProtocolError):  # the server agrees, and speaks HTTP/1.1
        get(face, url, verify=authority_file, http2=True)


def test_a_login_server_that_is_not_there(face):
    """A refused connection at login is an error of ours; httpx's is its cause."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        auth = UsernamePassword("me", "secret", use_token_cache=False)
        with pytest.raises(ServerConnectionError, match=url) as caught:
            get(face, "/data", auth=auth, api_endpoint=url)
    assert isinstance(caught.value.__cause__, httpx.ConnectError)


@pytest.fixture
def bank(serve):
    """A real server that gives tokens, and withdraws the first."""
    tokens = []

    def answer(method, path, headers, body):
        if path == "/auth/v1/login":
            tokens.append(f"token-{len(tokens)}")
            return 200, {}, f'{{"access_token": "{tokens[-1]}", "expires_in": 60}}'.encode()
        known = len(tokens) > 1 and headers["Authorization"] == f"Bearer {tokens[-1]}"
        return (200, {}, b"rows") if known else (401, {}, b"no")

    return serve(answer)


def test_a_whole_login_over_sockets(face, bank, caplog):
    """Login, request, refusal and renewal work over real connections; no log line has a secret."""
    caplog.set_level(logging.DEBUG)
    auth = UsernamePassword("me", "hush", use_token_cache=False)
    assert get(face, "/data", auth=auth, api_endpoint=bank.url) == "rows"
    assert [path for _, path in bank.asked] == ["/auth/v1/login", "/data"] * 2
    assert "/auth/v1/login" in caplog.text
    assert "hush" not in caplog.text
    assert "token-" not in caplog.text
    with pytest.raises(AuthenticationError):
        get(face, "/never", auth=Token("t"), api_endpoint=bank.url)


def test_renewal_needs_no_connection_more(face, bank):
    """When every connection of the pool has been answered 401, the renewal still gets one."""
    auth = UsernamePassword("me", "hush", use_token_cache=False)

    async def scenario():
        limits = httpx.Limits(max_connections=3)
        async with face.client(
            auth=auth, api_endpoint=bank.url, limits=limits, timeout=10
        ) as client:
            answers = await face.at_once(12, lambda: client.get("/data"))
            assert [answer.text for answer in answers] == ["rows"] * 12

    face.run(scenario)
    assert [path for _, path in bank.asked].count("/auth/v1/login") == 2
