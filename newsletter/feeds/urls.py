"""The canonical form of a URL, which identifies an Article. Pure."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import quote, unquote, urljoin, urlsplit, urlunsplit

LONGEST = 2_000  # characters of a canonical address, as Article.url allows
_PORTS = {"http": 80, "https": 443}
# Names of tracking parameters. A few are for tracking only with certain values ("mod=rss…" at Dow Jones, but "mod=article").
_TRACKING = re.compile(
    r"utm_\w+|fbclid|gclid|dclid|gbraid|wbraid|msclkid|yclid|twclid|igshid|mc_[ce]id|mkt_tok|_hs(?:enc|mi)"
    r"|ocid|cmpid|cmp|ito|ns_\w+|at_(?:medium|campaign|custom\d|link_\w+|bbc_team|format|ptr_name)|ref(?:_src|_url)?"
    r"|smid|smtyp|guccounter|guce_\w+|ftag|xtor|sr_share|spm|traffic_source|feedtype|taid|ncid|icid|wt\.mc_id"
    r"|__twitter_impression|amp_js_v|mod=(?:rss|hp_|djem|mw_).*|cid=(?:rss|social)\w*|partner=(?:rss|homepage)\w*"
    r"|(?:source|src|from|feed)=rss\w*",
    re.IGNORECASE,
)
_FORBIDDEN = re.compile(
    r"[\x00-\x20\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff\\<>\"`{}|^]"
)
_HOST = re.compile(
    r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?|\[[0-9a-f:.]+\]"
)
_KEEP_IN_PATH = "%/:=&?~#+!$,;'@()*[]-._"


class UrlRefused(ValueError):
    """The address cannot be used. The message is the reason."""


class Address(NamedTuple):
    """The parts of an http(s) address, percent-encoded. An IPv6 ``host`` is in brackets."""

    scheme: str
    host: str
    port: int
    path: str
    query: str


def take_apart(url: str, base: str = "") -> Address:
    """Split an http(s) address into its parts, percent-encoded and with all parameters. Raises :class:`UrlRefused`."""
    text = url.strip()
    if not text:
        raise UrlRefused("the address is empty")
    if len(text) > 4 * LONGEST:
        raise UrlRefused(f"the address is longer than {LONGEST} characters")
    try:
        parts = urlsplit(urljoin(base, text) if base else text)
        port, host = parts.port, parts.hostname or ""
    except ValueError:
        raise UrlRefused("the address cannot be read") from None
    scheme = parts.scheme.lower()
    if scheme not in _PORTS:
        raise UrlRefused(f"the address is neither http nor https ({scheme[:20] or 'no scheme'})")
    if "@" in parts.netloc:
        raise UrlRefused("the address carries a user name or password")
    if port == 0:
        raise UrlRefused("the address has no usable port")
    return Address(
        scheme, _host(host), port or _PORTS[scheme], _quoted(parts.path) or "/", _quoted(parts.query)
    )


def canonical(url: str, base: str = "") -> str:
    """Return the canonical form of an address: scheme and host in lower case, no default port, fragment or tracking parameters.

    A relative ``url`` is resolved against ``base``. The path, other parameters and their order may distinguish pages and are
    not changed. Raises :class:`UrlRefused`.
    """
    address = take_apart(url, base)
    kept = "&".join(p for p in address.query.split("&") if p and not _is_tracking(p))
    netloc = address.host if address.port == _PORTS[address.scheme] else f"{address.host}:{address.port}"
    result = urlunsplit((address.scheme, netloc, address.path, kept, ""))
    if len(result) > LONGEST:
        raise UrlRefused(f"the address is longer than {LONGEST} characters")
    return result


def same_place(url: str) -> str:
    """Return an address without scheme, "www", AMP form, last slash and parameters: equal for all addresses of one page.

    The reverse does not hold: different pages may differ only in a parameter.
    """
    parts = urlsplit(url)
    host = re.sub(r"^(?:www|amp|m)\.", "", parts.hostname or "")
    path = re.sub(r"(?:/amp|\.amp)(?=/?$|\.html?$)|^/amp(?=/)", "", parts.path)
    return f"{host}{path.rstrip('/')}"


def host_of(url: str) -> str:
    """Return the host of an address in lower case, or an empty string."""
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""


def _is_tracking(parameter: str) -> bool:
    name = unquote(parameter.partition("=")[0])
    return bool(_TRACKING.fullmatch(name)) or bool(_TRACKING.fullmatch(parameter))


def _host(host: str) -> str:
    if ":" in host:
        host = f"[{host}]"
    elif not host.isascii():
        try:
            host = host.encode("idna").decode("ascii")
        except UnicodeError:
            raise UrlRefused("the address has no usable host") from None
    host = host.lower().rstrip(".")
    if len(host) > 253 or not _HOST.fullmatch(host):
        raise UrlRefused("the address has no usable host")
    return host


def _quoted(text: str) -> str:
    """Percent-encode characters that an address may not contain; existing encodings are kept."""
    clean = _FORBIDDEN.sub(lambda m: quote(m[0], safe="", errors="replace"), text)
    clean = re.sub(r"%(?![0-9A-Fa-f]{2})", "%25", clean)
    return quote(clean, safe=_KEEP_IN_PATH, errors="replace")
