"""Error pages in the site's design, without stack traces and without messages of libraries."""

from __future__ import annotations

from flask import Flask, Response, make_response, render_template, request
from sqlalchemy.exc import DBAPIError
from werkzeug.exceptions import HTTPException, InternalServerError

from newsletter import db, log
from newsletter.errors import DatabaseError

_log = log.get("web")
PAGES = {  # heading and sentence by status
    400: ("That request makes no sense to us", "Something in it is malformed. Try again from the start."),
    403: ("That is not allowed", "The request was understood and refused."),
    404: ("Page not found", "The address may have a typo, or this page was removed."),
    405: ("That cannot be done here", "This page does not take that kind of request."),
    409: ("Nothing was done", "As things stand it is not possible. Open the page again and look."),
    410: ("That is gone", "What stood here will not come back."),
    413: ("That is too much at once", "The form was larger than we accept. Please shorten it."),
    429: ("A little slower, please", "Too many requests came from where you are. Try again in a minute."),
    500: ("Something broke on our side", "It was noted. Please try again in a moment."),
    503: ("Back in a moment", "The site is being maintained. Please try again shortly."),
}


def page(status: int, detail: str = "") -> Response:
    """Return the error page for ``status``. ``detail``, a sentence about this case, replaces the general sentence."""
    heading, sentence = PAGES.get(status, PAGES[500] if status >= 500 else PAGES[400])
    html = render_template("error.html", status=status, heading=heading, sentence=detail or sentence)
    return make_response(html, status)


def _http_error(error: HTTPException) -> Response:
    status = error.code or 500
    if status < 400:  # a redirect
        return error.get_response()  # type: ignore[return-value]
    # Show only sentences that we gave to abort(). Werkzeug's own descriptions are attributes of the class.
    our_sentence = error.description if error.description != type(error).description else ""
    answer = page(status, our_sentence or "")
    if status == 405 and (allowed := getattr(error, "valid_methods", None)):
        answer.headers["Allow"] = ", ".join(sorted(allowed))
    return answer


def _database_error(error: DBAPIError | DatabaseError) -> Response:
    reason = db.explain(error) if isinstance(error, DBAPIError) else str(error)
    _log.error("page.database_failed", reason=reason, endpoint=request.endpoint)
    answer = page(503)
    answer.headers["Retry-After"] = "30"
    return answer


def _server_error(error: InternalServerError) -> Response:
    _log.error("page.failed", endpoint=request.endpoint, exc_info=error.original_exception or error)
    return page(500)


def install(app: Flask) -> None:
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(DBAPIError, _database_error)
    app.register_error_handler(DatabaseError, _database_error)
    app.register_error_handler(InternalServerError, _server_error)
